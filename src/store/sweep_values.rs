//! The values of the sweep keys, matched by the names of the keys: two files may hold the same keys in another order.

/// The values of `to`, taken by name from `values`, which belong to `from`. A key that `from` does not have is empty.
pub fn by_name(values: &[String], from: &[String], to: &[String]) -> Vec<String> {
    let value = |key: &String| {
        let index = from.iter().position(|name| name == key)?;
        values.get(index).cloned()
    };
    to.iter().map(|key| value(key).unwrap_or_default()).collect()
}

/// Adds the keys of `more` that `keys` does not have.
pub fn add_missing(keys: &mut Vec<String>, more: &[String]) {
    for key in more {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn values_follow_the_names_of_their_keys() {
        let from = owned(&["train.isotropy.lambda", "seed"]);
        let to = owned(&["seed", "train.ema", "train.isotropy.lambda"]);
        assert_eq!(by_name(&owned(&["0.3", "7"]), &from, &to), ["7", "", "0.3"]);
        let mut keys = owned(&["seed"]);
        add_missing(&mut keys, &from);
        assert_eq!(keys, ["seed", "train.isotropy.lambda"]);
    }
}
