//! The exclusion patterns: many globs and regular expressions, compiled into one automaton.

use std::{fmt, sync::Arc};

use regex_automata::{
    MatchKind,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson,
    util::{primitives::StateID, start, syntax},
};

use super::{
    Field, PolicyError,
    glob::{glob_to_regex, with_ascii_classes},
};

/// Most exclusion patterns of a policy. An index fits into a byte.
pub const MAX_PATTERNS: usize = 128;
/// Longest exclusion pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 256;

/// What a pattern that is a regular expression begins with. Not `/.../`: keys of Cadence begin with a slash.
const REGEX_PREFIX: &str = "regex:";
/// Depth of groups and repetitions in one regular expression.
const NEST_LIMIT: u32 = 32;
/// Memory of the finished automaton: 128 globs of 20 letters with a `*` at both ends take 0.3 MiB.
const AUTOMATON_BYTES: usize = 1 << 20;
/// Memory that building it may take for each byte of the automaton.
const BUILD_FACTOR: usize = 4;
/// What part of the automaton a single pattern must exceed to be blamed when all of them do not fit. It also bounds how
/// long finding out takes.
const BLAMED_PART: usize = 8;
/// Memory of the step before, which is what repetitions of repetitions blow up.
const NFA_BYTES: usize = 1 << 20;

/// Patterns of keys, compiled once; matching allocates nothing, takes no lock and fills no cache.
#[derive(Clone)]
pub(super) struct Patterns {
    texts: Arc<[Box<str>]>,
    automaton: Option<Arc<DenseAutomaton>>,
}

struct DenseAutomaton {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl Patterns {
    pub(super) fn none() -> Self {
        Self { texts: Arc::default(), automaton: None }
    }

    /// Compiles all of them, or says of each bad one what is wrong with it.
    pub(super) fn compile(texts: Vec<String>) -> Result<Self, Vec<PolicyError>> {
        if texts.is_empty() {
            return Ok(Self::none());
        }
        if texts.len() > MAX_PATTERNS {
            let rule = format!("patterns are too many, at most {MAX_PATTERNS} are allowed");
            return Err(vec![PolicyError::new(Field::ExcludePatterns, texts.len(), rule)]);
        }
        let (mut regexes, mut errors) = (Vec::with_capacity(texts.len()), Vec::new());
        for text in &texts {
            match translate(text) {
                Ok(regex) => regexes.push(regex),
                Err(rule) => errors.push(PolicyError::of_text(Field::ExcludePatterns, text, rule)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let automaton =
            DenseAutomaton::build(&regexes, AUTOMATON_BYTES).map_err(|_| blame(&texts, &regexes))?;
        Ok(Self { texts: texts.into_iter().map(Into::into).collect(), automaton: Some(Arc::new(automaton)) })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.automaton.is_none()
    }

    pub(super) fn texts(&self) -> &[Box<str>] {
        &self.texts
    }

    /// The index of the pattern that matches. When several do: the one whose match ends first, then the one that stands
    /// first.
    #[inline]
    pub(super) fn matching(&self, key: &[u8]) -> Option<u8> {
        self.automaton.as_ref()?.matching(key)
    }
}

impl DenseAutomaton {
    fn build<P: AsRef<str>>(regexes: &[P], max_bytes: usize) -> Result<Self, String> {
        let config = dense::Config::new()
            // Every pattern that matches at a place is listed there, not only the preferred one.
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Unanchored)
            // Keys are too short for skipping by memchr.
            .accelerate(false)
            .dfa_size_limit(Some(max_bytes))
            .determinize_size_limit(Some(max_bytes * BUILD_FACTOR));
        let dfa = dense::Builder::new()
            .configure(config)
            .syntax(syntax_config())
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(NFA_BYTES)))
            .build_many(regexes)
            .map_err(|error| reason(&error, max_bytes))?;
        let start = dfa.start_state(&start::Config::new()).map_err(|error| error.to_string())?;
        Ok(Self { dfa, start })
    }

    #[inline(never)]
    fn matching(&self, key: &[u8]) -> Option<u8> {
        let mut state = self.start;
        for byte in key {
            state = self.dfa.next_state(state, *byte);
            // Special are only the states that end the search: nothing can match any more, or something has matched.
            if self.dfa.is_special_state(state) {
                return self.first_of(state);
            }
        }
        self.first_of(self.dfa.next_eoi_state(state))
    }

    fn first_of(&self, state: StateID) -> Option<u8> {
        if !self.dfa.is_match_state(state) {
            return None;
        }
        let first = (0..self.dfa.match_len(state)).map(|i| self.dfa.match_pattern(state, i).as_usize()).min();
        first.map(|index| u8::try_from(index).expect("there are at most 128 patterns"))
    }
}

impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl Eq for Patterns {}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.texts.fmt(f)
    }
}

/// A pattern as a regular expression that is valid by itself.
fn translate(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
        return Err(format!("must be 1 to {MAX_PATTERN_BYTES} bytes, is {}", text.len()));
    }
    let regex = match text.strip_prefix(REGEX_PREFIX) {
        Some("") => return Err("is an empty regular expression, which would exclude every key".into()),
        Some(regex) => with_ascii_classes(regex),
        None => glob_to_regex(text)?,
    };
    match syntax::parse_with(&regex, &syntax_config()) {
        Ok(_) => Ok(regex),
        Err(error) => Err(format!("cannot be parsed: {}", last_line(&error.to_string()))),
    }
}

/// Keys are bytes to the automaton, so a pattern may also match what is not UTF-8.
fn syntax_config() -> syntax::Config {
    syntax::Config::new().utf8(false).nest_limit(NEST_LIMIT)
}

/// Each pattern that takes too much even alone; if there is none, all of them together.
fn blame(texts: &[String], regexes: &[String]) -> Vec<PolicyError> {
    let alone = texts.iter().zip(regexes).filter_map(|(text, regex)| {
        let rule = DenseAutomaton::build(&[regex], AUTOMATON_BYTES / BLAMED_PART).err()?;
        Some(PolicyError::of_text(Field::ExcludePatterns, text, rule))
    });
    let errors: Vec<_> = alone.collect();
    if errors.is_empty() {
        let rule = format!(
            "patterns together take an automaton of more than {} KiB, though none is large alone; \
             use fewer or simpler ones",
            AUTOMATON_BYTES >> 10
        );
        return vec![PolicyError::new(Field::ExcludePatterns, texts.len(), rule)];
    }
    errors
}

fn reason(error: &dense::BuildError, max_bytes: usize) -> String {
    let nfa =
        std::error::Error::source(error).and_then(|source| source.downcast_ref::<thompson::BuildError>());
    if error.is_size_limit_exceeded() || nfa.is_some_and(|nfa| nfa.size_limit().is_some()) {
        return format!("takes an automaton of more than {} KiB; use a simpler one", max_bytes >> 10);
    }
    let message = nfa.map_or_else(|| error.to_string(), ToString::to_string);
    format!("cannot be compiled: {}", last_line(&message))
}

/// The parser's messages draw the pattern and a caret; the last line says what is wrong.
fn last_line(message: &str) -> &str {
    let line = message.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compile(patterns: &[&str]) -> Result<Patterns, Vec<PolicyError>> {
        Patterns::compile(patterns.iter().map(ToString::to_string).collect())
    }

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let patterns = compile(&[pattern]).unwrap();
        for key in matching {
            assert_eq!(patterns.matching(key.as_bytes()), Some(0), "{pattern:?} must match {key:?}");
        }
        for key in others {
            assert_eq!(patterns.matching(key.as_bytes()), None, "{pattern:?} must not match {key:?}");
        }
    }

    fn refused(patterns: &[&str]) -> Vec<String> {
        compile(patterns).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn globs_match_whole_keys() {
        check("tmp", &["tmp"], &["", "tm", "tmpx", "xtmp", "TMP"]);
        check("tmp-*", &["tmp-", "tmp-1", "tmp-a/b\nc"], &["tmp", "xtmp-1"]);
        check("*-tmp", &["-tmp", "a-tmp", "a-tmp-tmp"], &["tmp", "a-tmp-"]);
        check("*a*b*", &["ab", "xaxbx"], &["ba", ""]);
        check("*", &["", "a"], &[]);
        check("a?c", &["abc", "aäc", "a🔑c", "a/c"], &["ac", "abbc"]);
        check("[a-c]x", &["ax", "cx"], &["dx", "x", "-x"]);
        check("[!a-c]x", &["dx", "äx"], &["ax", "x"]);
        check("[^a-c]x", &["dx"], &["ax"]);
        check("[]a-]x", &["]x", "ax", "-x"], &["bx"]);
        check("[a\\]]x", &["ax", "]x"], &["\\x"]);
        check("[&&~~[:^]x", &["&x", "~x", "[x", ":x", "^x"], &["ax"]);
        check("{a,b*,}-x", &["a-x", "b-x", "bcd-x", "-x"], &["ab-x", "c-x"]);
        check("{a,{b,c}d}", &["a", "bd", "cd"], &["b", "ad"]);
        check("{a,b*}", &["a", "b", "bc"], &["ac"]);
        check("a,b", &["a,b"], &["a", "b"]);
        check("a.b+(c)|^$", &["a.b+(c)|^$"], &["axb+(c)|^$", "a"]);
        check("\\*\\a", &["*a"], &["xa"]);
        check("/__cadence_sys/*", &["/__cadence_sys/tl/1"], &["__cadence_sys/tl"]);
        check("schlüssel-*", &["schlüssel-1"], &["schlussel-1"]);
    }

    #[test]
    fn regexes_match_somewhere_unless_they_say_where() {
        check("regex:tmp", &["tmp", "a-tmp-b"], &["tm", "TMP"]);
        check("regex:^tmp$", &["tmp"], &["a-tmp", "tmp-b"]);
        check("regex:^$", &[""], &["a"]);
        check("regex:(?i)tmp", &["a-TmP-b"], &["tm-p"]);
        check("regex:[0-9]{3}$", &["a-123", "1234"], &["12", "123a"]);
        check("regex:^.{3}$", &["abc", "äöü"], &["ab", "abcd"]);
    }

    #[test]
    fn perl_classes_are_ascii_as_in_go() {
        check("regex:^\\w+$", &["aZ_9"], &["ä", "a-b"]);
        check("regex:^[\\w-]+$", &["a-b"], &["ä", "a b"]);
        check("regex:^\\W$", &["ä", "-"], &["a"]);
        check("regex:^\\d\\D$", &["1a", "1٣"], &["٣a", "11"]);
        check("regex:a\\sb", &["a b", "a\tb"], &["a\u{a0}b", "ab"]);
        check("regex:^\\S+$", &["a\u{a0}b"], &["a b"]);
        check("regex:\\btmp\\b", &["tmp", "a-tmp-b", "ätmp"], &["atmp", "tmp1"]);
        check("regex:\\Btmp", &["atmp"], &["tmp", "-tmp"]);
        check("regex:^\\\\d$", &["\\d"], &["1", "\\1"]);
    }

    #[test]
    fn the_first_of_several_matching_patterns_is_named() {
        let patterns = compile(&["regex:x$", "a*x", "a*", "regex:b", "?"]).unwrap();
        // `a*` and `regex:b` match as soon as they have read their letter, the others at the end of the key.
        for (key, expected) in [("abx", 2), ("cbx", 3), ("cx", 0), ("x", 0), ("y", 4), ("a", 2)] {
            assert_eq!(patterns.matching(key.as_bytes()), Some(expected), "{key:?}");
        }
    }

    #[test]
    fn no_patterns_match_nothing() {
        let none = compile(&[]).unwrap();
        assert!(none.is_empty());
        assert_eq!(none.matching(b""), None);
    }

    #[test]
    fn each_bad_pattern_is_refused_with_its_reason() {
        assert_eq!(
            refused(&[
                "fine",
                "",
                "a}b",
                "{a",
                "[a",
                "[]",
                "[z-a]",
                "a\\",
                "[a-",
                "[\\",
                "regex:",
                "regex:(a",
                "regex:a)("
            ]),
            [
                r#"exclude_patterns "" must be 1 to 256 bytes, is 0"#,
                r#"exclude_patterns "a}b" has a } without a {; write \} for the character"#,
                r#"exclude_patterns "{a" has a { without a }; write \{ for the character"#,
                r#"exclude_patterns "[a" has a [ without a ]; write \[ for the character"#,
                r#"exclude_patterns "[]" has a [ without a ]; write \[ for the character"#,
                r#"exclude_patterns "[z-a]" has the range z-a, whose ends are the wrong way round"#,
                r#"exclude_patterns "a\\" ends in a \ that escapes nothing"#,
                r#"exclude_patterns "[a-" has a [ without a ]; write \[ for the character"#,
                r#"exclude_patterns "[\\" has a [ without a ]; write \[ for the character"#,
                r#"exclude_patterns "regex:" is an empty regular expression, which would exclude every key"#,
                r#"exclude_patterns "regex:(a" cannot be parsed: unclosed group"#,
                r#"exclude_patterns "regex:a)(" cannot be parsed: unopened group"#,
            ]
        );
    }

    #[test]
    fn patterns_are_bounded_in_number_length_depth_and_memory() {
        let many = vec!["a".to_owned(); MAX_PATTERNS + 1];
        let errors = Patterns::compile(many).unwrap_err();
        assert_eq!(
            errors[0].to_string(),
            "exclude_patterns 129 patterns are too many, at most 128 are allowed"
        );
        assert!(compile(&["a"; MAX_PATTERNS]).is_ok());

        assert!(compile(&[&"a".repeat(MAX_PATTERN_BYTES)]).is_ok());
        assert!(
            refused(&[&"a".repeat(MAX_PATTERN_BYTES + 1)])[0].ends_with("must be 1 to 256 bytes, is 257")
        );

        let deep = format!("regex:{}a{}", "(".repeat(100), ")".repeat(100));
        assert!(refused(&[&deep])[0].contains("nested parentheses"), "{:?}", refused(&[&deep]));

        let too_big = "takes an automaton of more than 128 KiB; use a simpler one";
        for (what, pattern) in [("states", "regex:a.{30}b"), ("repetitions", "regex:((a{99}){99}){99}")] {
            let errors = refused(&["fine", pattern]);
            assert_eq!(errors, [format!("exclude_patterns {pattern:?} {too_big}")], "{what}");
        }
    }

    #[test]
    fn many_patterns_that_fit_alone_can_be_too_many_together() {
        // Each has to remember where its letter stood among the last ten: 2^10 states alone, 3^10 for two letters.
        let errors = refused(&["regex:a[abc]{10}x", "regex:b[abc]{10}x"]);
        let together =
            "2 patterns together take an automaton of more than 1024 KiB, though none is large alone";
        assert_eq!(errors, [format!("exclude_patterns {together}; use fewer or simpler ones")]);
    }

    /// Backtracking over the same syntax.
    fn matches_naively(glob: &[char], key: &[char]) -> bool {
        match glob {
            [] => key.is_empty(),
            ['*', rest @ ..] => (0..=key.len()).any(|i| matches_naively(rest, &key[i..])),
            ['?', rest @ ..] => !key.is_empty() && matches_naively(rest, &key[1..]),
            [c, rest @ ..] => key.first() == Some(c) && matches_naively(rest, &key[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn globs_agree_with_backtracking(globs in proptest::collection::vec("[ab*?ä-]{1,5}", 1..4), key in "[abä-]{0,6}") {
            let patterns = Patterns::compile(globs.clone()).unwrap();
            let key_chars: Vec<char> = key.chars().collect();
            let naive = globs.iter().any(|glob| matches_naively(&glob.chars().collect::<Vec<_>>(), &key_chars));
            let found = patterns.matching(key.as_bytes());
            prop_assert_eq!(found.is_some(), naive);
            if let Some(index) = found {
                let glob: Vec<char> = globs[usize::from(index)].chars().collect();
                prop_assert!(matches_naively(&glob, &key_chars), "pattern {} does not match", index);
            }
        }

        /// Whatever an operator writes compiles or is refused; neither panics.
        #[test]
        fn any_text_is_compiled_or_refused(text in "\\PC{0,20}", regex in "[a-c\\\\(){}\\[\\]*+?|^$.,0-9bwd:!&~-]{0,16}") {
            let regex = format!("regex:{regex}");
            if let Ok(patterns) = compile(&[&text, &regex]) {
                patterns.matching(text.as_bytes());
            }
        }
    }
}
