//! What a tree is made of.

use std::sync::Arc;

use crate::types::Place;

/// One node. Its body is shared, so that an alias costs nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) body: Body,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Text as written; `plain` if it stands without quotes, and so may be meant as a number, a boolean or nothing.
    Scalar {
        text: Arc<str>,
        plain: bool,
    },
    List(Arc<[Node]>),
    /// In the order of the file. No two have the same name.
    Map(Arc<[(Name, Node)]>),
    /// Not usable, and told as a fault already.
    Broken,
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) place: Place,
    pub(crate) text: Arc<str>,
}

impl Body {
    /// The text of a scalar that is there: `None` for lists, maps, and for what YAML reads as nothing.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar { text, plain: true } if matches!(&**text, "" | "~" | "null" | "Null" | "NULL") => {
                None
            }
            Self::Scalar { text, .. } => Some(text),
            Self::List(_) | Self::Map(_) | Self::Broken => None,
        }
    }

    /// What YAML reads as nothing: a blank, `~`, `null`.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Scalar { .. }) && self.text().is_none()
    }

    /// What it is, for a message.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::Scalar { .. } if self.is_nothing() => "nothing",
            Self::Scalar { .. } => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Broken => "nothing usable",
        }
    }
}
