//! The values of the sweep keys, matched by the names of the keys: two files may hold the same keys in another order.

/// The name of a key with underscores for its dots, which `DataFrame.query` of pandas takes: `train_isotropy_lambda`.
pub fn flat_name(key: &str) -> String {
    key.replace('.', "_")
}

/// How the columns of a study's tables name the keys of its sweep. It changes nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyNames {
    /// As the spec: `train.isotropy.lambda`.
    #[default]
    Dotted,
    /// See [`flat_name`].
    Flat,
}

impl KeyNames {
    /// The names of the columns of these keys.
    ///
    /// # Errors
    /// Two keys whose columns would have one name.
    pub fn columns(self, keys: &[String]) -> Result<Vec<String>, (String, String)> {
        let columns: Vec<String> = match self {
            Self::Dotted => keys.to_vec(),
            Self::Flat => keys.iter().map(|key| flat_name(key)).collect(),
        };
        for (k, column) in columns.iter().enumerate() {
            if let Some(other) = columns[..k].iter().position(|earlier| earlier == column) {
                return Err((keys[other].clone(), keys[k].clone()));
            }
        }
        Ok(columns)
    }
}

/// Whether two names are of one key, which either of them may write with underscores.
pub fn is_same_key(a: &str, b: &str) -> bool {
    a == b || a == flat_name(b) || flat_name(a) == b
}

/// The values of `to`, taken by name from `values`, which belong to `from`. A key that `from` does not have is empty.
pub fn by_name(values: &[String], from: &[String], to: &[String]) -> Vec<String> {
    let value = |key: &String| {
        let exact = from.iter().position(|name| name == key);
        let index = exact.or_else(|| from.iter().position(|name| is_same_key(name, key)))?;
        values.get(index).cloned()
    };
    to.iter().map(|key| value(key).unwrap_or_default()).collect()
}

/// Adds the keys of `more` that `keys` does not have.
pub fn add_missing(keys: &mut Vec<String>, more: &[String]) {
    for key in more {
        if !keys.iter().any(|there| is_same_key(there, key)) {
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

    #[test]
    fn keys_are_the_same_with_underscores() {
        let (dotted, flat) =
            (owned(&["train.isotropy.lambda", "seed"]), owned(&["seed", "train_isotropy_lambda"]));
        assert_eq!(by_name(&owned(&["7", "0.3"]), &flat, &dotted), ["0.3", "7"]);
        assert_eq!(by_name(&owned(&["0.3", "7"]), &dotted, &flat), ["7", "0.3"]);
        let mut keys = dotted.clone();
        add_missing(&mut keys, &flat);
        assert_eq!(keys, dotted);
        assert!(!is_same_key("a.b_c", "a_b.c"), "only a name without dots stands for another one");
    }

    #[test]
    fn two_keys_of_one_column_are_refused() {
        let keys = owned(&["seed", "a.b_c", "a_b.c"]);
        assert_eq!(KeyNames::Dotted.columns(&keys), Ok(keys.clone()));
        assert_eq!(KeyNames::Flat.columns(&keys), Err(("a.b_c".into(), "a_b.c".into())));
        assert_eq!(KeyNames::Flat.columns(&keys[..2]), Ok(owned(&["seed", "a_b_c"])));
    }
}
