//! "Did you mean": the known word nearest to one that was refused.

/// Longer words get no suggestion: the cost grows with the product of both lengths, and nobody mistypes a page.
const MAX_WORD_BYTES: usize = 128;

/// The nearest of the `known` words, if one is near enough to be a slip of the finger: at most a third of its letters
/// are wrong, and fewer than in any other. Case, and `-` for `_`, count as right. Of equally near words the first.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_WORD_BYTES {
        return None;
    }
    let word = folded(word);
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_WORD_BYTES)
        .map(|candidate| (edit_distance(&word, &folded(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> Vec<char> {
    word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// How many letters must be put in, left out, replaced, or swapped with their neighbour to make `a` into `b`.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    // Three rows of the usual table: `before` is needed for the swap of two neighbours.
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut this = vec![0; b.len() + 1];
    for i in 1..=a.len() {
        this[0] = i;
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            this[j] = replaced.min(last[j] + 1).min(this[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                this[j] = this[j].min(before[j - 2] + 1);
            }
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut this);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_single_slips() {
        let distance =
            |a: &str, b: &str| edit_distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("ring", "ring", 0),
            ("rign", "ring", 1),
            ("rin", "ring", 1),
            ("rings", "ring", 1),
            ("rang", "ring", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("ä", "a", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a:?} to {b:?}");
            assert_eq!(distance(b, a), expected, "{b:?} to {a:?}");
        }
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["hash_ring", "shard_distributor", "error"];
        for (word, expected) in [
            ("hash-ring", Some("hash_ring")),
            ("HASH_RING", Some("hash_ring")),
            ("hsah_ring", Some("hash_ring")),
            ("shard_distributer", Some("shard_distributor")),
            ("eror", Some("error")),
            ("ring", None),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word:?}");
        }
        assert_eq!(nearest(&"e".repeat(MAX_WORD_BYTES + 1), known), None);
        assert_eq!(nearest("on", ["of", "in"]), Some("of"), "equally near: the first");
    }
}
