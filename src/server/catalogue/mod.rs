//! Which namespaces there are: one row of the store for each, which every replica follows.
//!
//! A row is written when a namespace is created, through the API or because a replica's settings file names one that has
//! no row, and says how it is founded. It says no more: from then on the namespace's own history says how it is run. A
//! namespace is deleted by its leader, in its history; whoever hears of that removes the row, and with it what the
//! history leaves behind. Then everybody forgets the namespace.
//!
//! Creation and deletion may cross. So a row names the deletion that it comes after: a head that was deleted at that very
//! version is to begin anew, and one that was deleted later takes the row with it.

mod book;
mod follow;
mod rows;

use book::Book;
pub(super) use book::News;
pub(super) use follow::{Done, Following, Todo};
pub(super) use rows::{Catalogue, CreateError};
