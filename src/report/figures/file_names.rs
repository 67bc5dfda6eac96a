//! Names of the files of figures.

use crate::report::point_names::DIGEST;
use crate::store::atomic;

/// Bytes of a file's name without its ending. A file system takes 255, and endings and unfinished files need some.
const FILE_LENGTH: usize = 120;

/// Names for the files of several figures of one kind, each made of `stem` and the name of its point. They hold ASCII
/// letters, digits, `.`, `-` and `_` alone, are at most 120 bytes long, and no two of them are the same, also where
/// small and capital letters are the same; a name that was cut or would be another's ends in a short digest.
pub fn file_names(stem: &str, points: &[String]) -> Vec<String> {
    let plain: Vec<String> = points.iter().map(|point| plain_name(stem, point)).collect();
    let folded: Vec<String> = plain.iter().map(|name| name.to_ascii_lowercase()).collect();
    let name = |i: usize| {
        let alone = folded.iter().enumerate().all(|(other, name)| other == i || *name != folded[i]);
        if alone && plain[i].len() <= FILE_LENGTH {
            return plain[i].clone();
        }
        let end = format!("-{}", &atomic::digest(points[i].as_bytes())[..DIGEST]);
        format!("{}{end}", &plain[i][..plain[i].len().min(FILE_LENGTH - end.len())])
    };
    (0..points.len()).map(name).collect()
}

/// Stem and words of a point, with `_` for every character that a file system or a shell may dislike.
fn plain_name(stem: &str, point: &str) -> String {
    let words = point.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'));
    let words = words.filter(|word| !word.is_empty());
    std::iter::once(stem).chain(words).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn file_names_are_plain() {
        let points = owned(&["width 16, lambda 0.1", "path a/../b", "", "path $(rm *)\n\u{1b}[0m"]);
        let expected = ["clouds_width_16_lambda_0.1", "clouds_path_a_.._b", "clouds", "clouds_path_rm_0m"];
        assert_eq!(file_names("clouds", &points), expected);
    }

    #[test]
    fn no_two_points_share_a_file() {
        let long = |end: &str| format!("path {}{end}", "x".repeat(400));
        let points = ["path a b", "path a_b", "path A/B", "path \u{3b1}", "path \u{3b2}", "path c"];
        let mut points = owned(&points);
        points.extend([long("1"), long("2")]);
        let names = file_names("clouds", &points);
        let folded: std::collections::HashSet<String> = names.iter().map(|n| n.to_lowercase()).collect();
        assert_eq!(folded.len(), points.len(), "{names:?}");
        assert!(names.iter().all(|name| name.len() <= FILE_LENGTH && name.is_ascii()), "{names:?}");
        assert_eq!(names[5], "clouds_path_c");
    }
}
