//! From the parser's events to a tree.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, Tag, options};

use super::{Body, FaultKind, Faults, Name, Node, fault::escaped};
use crate::types::Place;

/// Deepest nesting of lists and maps. The deepest shape that is read here needs five levels.
const MAX_DEPTH: usize = 32;

/// The only document of `text`, and everything that is wrong with its form. `None` if there is none or it could not be
/// read to its end; a tree that comes with faults has [`Body::Broken`] in their places, so that whoever reads it can
/// find its own faults in the rest.
pub(crate) fn parse(text: &str, max_nodes: usize) -> (Option<Node>, Faults) {
    let mut limits = options! {
        emit_unresolved_aliases: true,
        disallow_directives: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    limits.set_emit_comments(false);
    let mut tree = Tree { source: text, max_nodes, ..Tree::default() };
    for event in Parser::new_from_str_with_options(text, limits) {
        let taken = match event {
            Ok((event, span)) => tree.take(event, &span),
            Err(error) => {
                let place = Place::new(error.marker().line(), error.marker().col() + 1);
                tree.give_up(
                    place,
                    FaultKind::Syntax(error.info().chars().filter(|c| !c.is_control()).take(200).collect()),
                )
            }
        };
        if taken.is_err() {
            return (None, tree.faults);
        }
    }
    let is_empty = tree.root.as_ref().is_none_or(|root| root.body.is_blank());
    if is_empty {
        tree.faults.add(Place::START, FaultKind::Empty);
        tree.root = None;
    }
    (tree.root, tree.faults)
}

/// What is known at the point that the parser has reached.
#[derive(Default)]
struct Tree<'a> {
    source: &'a str,
    max_nodes: usize,
    nodes: usize,
    open: Vec<Open>,
    /// By the parser's number; the count is what an alias to it costs. An anchor is only here once it is complete.
    anchors: HashMap<usize, (Body, usize)>,
    root: Option<Node>,
    faults: Faults,
}

/// A list or map whose end has not come yet.
struct Open {
    place: Place,
    anchor: usize,
    /// Its tag was refused, and so is it.
    broken: bool,
    nodes_before: usize,
    children: Children,
}

enum Children {
    List(Vec<Node>),
    Map { pairs: Vec<(Name, Node)>, key: Key },
}

/// The key whose value comes next.
enum Key {
    /// None yet: the next node is a key.
    Awaited,
    Given(Name),
    /// It was no usable key; its value is dropped.
    Refused,
}

/// Reading on makes no sense; the reason is told.
struct GaveUp;

impl Tree<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), GaveUp> {
        let place = Place::new(span.start.line(), span.start.col() + 1);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                self.give_up(place, FaultKind::SeveralDocuments)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.as_deref().is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let plain = style == ScalarStyle::Plain && !is_text;
                // The parser says "~" where nothing stands.
                let is_absent = plain && text == "~" && span.slice(self.source) != Some("~");
                let scalar = Body::Scalar { text: if is_absent { "".into() } else { text.into() }, plain };
                let body = if self.refuses(place, tag.as_deref()) { Body::Broken } else { scalar };
                self.close(place, anchor, self.nodes, body)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(place, anchor, tag.as_deref(), Children::List(Vec::new()));
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(
                    place,
                    anchor,
                    tag.as_deref(),
                    Children::Map { pairs: Vec::new(), key: Key::Awaited },
                );
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close_open(),
            Event::Alias(id) => {
                let (body, cost) = self.anchors.get(&id).cloned().unwrap_or_else(|| {
                    self.faults.add(place, FaultKind::AliasOfItself);
                    (Body::Broken, 0)
                });
                let nodes_before = self.nodes;
                self.nodes += cost;
                self.close(place, 0, nodes_before, body)
            }
            Event::UnresolvedAlias(name) => {
                self.faults.add(place, FaultKind::UnknownAlias(escaped(&name)));
                self.close(place, 0, self.nodes, Body::Broken)
            }
            // Marks of the stream, and what was not asked for.
            _ => Ok(()),
        }
    }

    fn open(&mut self, place: Place, anchor: usize, tag: Option<&Tag>, children: Children) {
        let broken = self.refuses(place, tag);
        self.open.push(Open { place, anchor, broken, nodes_before: self.nodes, children });
    }

    fn close_open(&mut self) -> Result<(), GaveUp> {
        let Some(Open { place, anchor, broken, nodes_before, children }) = self.open.pop() else {
            return Ok(());
        };
        let body = match children {
            _ if broken => Body::Broken,
            Children::List(items) => Body::List(items.into()),
            Children::Map { pairs, .. } => Body::Map(self.without_duplicates(pairs).into()),
        };
        self.close(place, anchor, nodes_before, body)
    }

    /// Hands a finished node to whatever is open around it.
    fn close(&mut self, place: Place, anchor: usize, nodes_before: usize, body: Body) -> Result<(), GaveUp> {
        self.nodes += 1;
        if self.nodes > self.max_nodes {
            return self.give_up(place, FaultKind::TooManyNodes { max: self.max_nodes });
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (body.clone(), self.nodes - nodes_before));
        }
        let node = Node { place, body };
        match self.open.last_mut().map(|open| &mut open.children) {
            None => self.root = Some(node),
            Some(Children::List(items)) => items.push(node),
            Some(Children::Map { pairs, key }) => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited => *key = key_of(node, &mut self.faults),
                Key::Given(name) => pairs.push((name, node)),
                Key::Refused => {}
            },
        }
        Ok(())
    }

    /// The first of several stays.
    fn without_duplicates(&mut self, mut pairs: Vec<(Name, Node)>) -> Vec<(Name, Node)> {
        let mut seen: BTreeMap<Arc<str>, Place> = BTreeMap::new();
        pairs.retain(|(name, _)| match seen.get(&name.text) {
            Some(first) => {
                let kind = FaultKind::DuplicateKey { key: escaped(&name.text), first: *first };
                self.faults.add(name.place, kind);
                false
            }
            None => seen.insert(Arc::clone(&name.text), name.place).is_none(),
        });
        pairs
    }

    /// Tags of YAML's own types are fine; any other means something that nobody here understands.
    fn refuses(&mut self, place: Place, tag: Option<&Tag>) -> bool {
        let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) else { return false };
        self.faults.add(place, FaultKind::Tag(escaped(&tag.original())));
        true
    }

    fn give_up(&mut self, place: Place, kind: FaultKind) -> Result<(), GaveUp> {
        self.faults.add(place, kind);
        Err(GaveUp)
    }
}

fn key_of(Node { place, body }: Node, faults: &mut Faults) -> Key {
    match body {
        Body::Scalar { text, plain: true } if &*text == "<<" => faults.add(place, FaultKind::MergeKey),
        Body::Scalar { text, .. } => return Key::Given(Name { place, text }),
        Body::List(_) | Body::Map(_) => faults.add(place, FaultKind::KeyIsNoText),
        Body::Broken => {}
    }
    Key::Refused
}

impl Body {
    /// A document of nothing but blanks and comments; `null` and `""` are something.
    fn is_blank(&self) -> bool {
        matches!(self, Self::Scalar { text, plain: true } if text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tree as JSON-like text with places, so that a test reads as a picture.
    fn draw(node: &Node) -> String {
        let list = |items: Vec<String>| items.join(" ");
        match &node.body {
            Body::Scalar { text, plain } => {
                format!("{}{text:?}@{}", if *plain { "" } else { "'" }, node.place)
            }
            Body::List(items) => format!("[{}]@{}", list(items.iter().map(draw).collect()), node.place),
            Body::Map(pairs) => {
                let pair =
                    |(name, node): &(Name, Node)| format!("{}@{}={}", name.text, name.place, draw(node));
                format!("{{{}}}@{}", list(pairs.iter().map(pair).collect()), node.place)
            }
            Body::Broken => format!("broken@{}", node.place),
        }
    }

    fn read(text: &str) -> (String, Vec<String>) {
        let (root, faults) = parse(text, 100);
        let told = faults.kept.iter().map(|fault| format!("{}: {}", fault.place, fault.kind)).collect();
        (root.as_ref().map_or(String::new(), draw), told)
    }

    #[test]
    fn nodes_know_their_places_in_yaml_and_in_json() {
        let yaml = "- a: 1\n  b: [x, 'y']\n-\n- \"z\"\n";
        let tree = r#"[{a@1:3="1"@1:6 b@2:3=["x"@2:7 '"y"@2:10]@2:6}@1:3 ""@3:2 '"z"@4:3]@1:1"#;
        assert_eq!(read(yaml), (tree.into(), vec![]));
        let json = "{\n\t\"a\":[1,true,null],\r\n\t\"b\":{\"c\":\"\\u00e4\\/\"}}";
        let tree = r#"{a@2:2=["1"@2:7 "true"@2:9 "null"@2:14]@2:6 b@3:2={c@3:7='"ä/"@3:11}@3:6}@1:1"#;
        assert_eq!(read(json), (tree.into(), vec![]));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let (tree, told) = read("a: !mine 1\na: 2\n<<: {b: 1}\n[c]: 3\nd: *none\ne: &e [*e]\nf: !!str 7\n");
        assert_eq!(
            tree, r#"{a@1:1=broken@1:10 d@5:1=broken@5:4 e@6:1=[broken@6:8]@6:7 f@7:1='"7"@7:10}@1:1"#,
            "what is not broken is there"
        );
        let expected = [
            "1:10: tag !mine is not understood",
            "3:1: merge keys (<<) are not understood; write the keys out",
            "4:1: a key must be text",
            "5:4: alias *none has no anchor before it",
            "6:8: an alias inside of what it stands for",
            "2:1: key \"a\" is given twice, first at 1:1",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_cannot_be_read_to_its_end_gives_no_tree() {
        for (text, fault) in [
            ("", "1:1: empty"),
            ("# nobody\n---\n", "1:1: empty"),
            ("a: 1\n---\nb: 1\n", "2:1: a second document starts here; only one is read"),
            ("a: [1\nb: 2", "2:2: not YAML: "),
            ("%YAML 1.1\n---\na", "1:1: not YAML: "),
            (&"[".repeat(40), "1:33: not YAML: "),
            (&"[1,".repeat(20), "1:58: not YAML: "),
        ] {
            let (tree, told) = read(text);
            assert_eq!(tree, "", "{text:?}");
            assert!(told.len() == 1 && told[0].starts_with(fault), "{text:?}: {told:?}");
        }
        for something in ["null", "''", "[]", "{}"] {
            assert_eq!(read(something).1, Vec::<String>::new(), "{something} is not an empty file");
        }
    }

    #[test]
    fn an_alias_costs_what_it_stands_for() {
        let bomb = "a: &a [1,2,3,4,5,6,7,8,9]\nb: &b [*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n";
        let (tree, told) = read(bomb);
        assert_eq!((tree.as_str(), told.len()), ("", 1));
        assert_eq!(told[0], "3:5: more than 100 values, counting what aliases stand for");
        assert_eq!(read("- &a x\n- *a\n").0, r#"["x"@1:6 "x"@2:3]@1:1"#);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_told_to_be_wrong(text in "([-:,\\[\\]{}&*!#'\"|>%<~a1 \\t\\n]|\\PC){0,60}") {
            let (root, faults) = parse(&text, 100);
            prop_assert!(root.is_some() || faults.count > 0);
        }
    }
}
