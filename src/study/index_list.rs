//! Lists of numbers as people write them.

/// Indices as ranges, as people and job arrays write them: `0-3,7,9-11`.
pub fn index_list(indices: &[usize]) -> String {
    let mut text: Vec<String> = Vec::new();
    let mut rest = indices;
    while let Some(&first) = rest.first() {
        let length = rest.iter().zip(first..).take_while(|(have, want)| **have == *want).count();
        let last = first + length - 1;
        text.push(if length == 1 { first.to_string() } else { format!("{first}-{last}") });
        rest = &rest[length..];
    }
    text.join(",")
}

#[cfg(test)]
mod tests {
    use super::index_list;

    #[test]
    fn index_list_join_neighbours_only() {
        assert_eq!(index_list(&[]), "");
        assert_eq!(index_list(&[4]), "4");
        assert_eq!(index_list(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
    }
}
