//! Which type byte stands for which type of value in which layout.

use super::format as rdb;
use super::stream::Form;

/// The types of values that can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Stream,
}

/// How a value lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One string.
    String,
    /// A count, and so many strings, or twice as many for a hash.
    Strings,
    /// A count, and so many strings each with its score.
    Scored(ScoreForm),
    /// One string that holds all elements.
    Packed(Packing),
    /// A count, and so many strings that are ziplists.
    Ziplists,
    /// A count, and so many strings, each after a number that tells what it is.
    Nodes,
    /// What a stream consists of.
    Stream(Form),
}

/// How a score lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScoreForm {
    /// A byte for the length, and so many digits; a length above the longest is a number itself.
    Text,
    /// Eight bytes.
    Binary,
}

/// How elements lie in one string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Zipmap,
    Ziplist,
    Intset,
    Listpack,
}

/// Tells what a type byte says; none for what cannot be held.
pub(super) fn of(code: u8) -> Option<(Shape, Layout)> {
    use Packing::{Intset, Listpack, Ziplist, Zipmap};
    Some(match code {
        rdb::TYPE_STRING => (Shape::String, Layout::String),
        rdb::TYPE_LIST => (Shape::List, Layout::Strings),
        rdb::TYPE_SET => (Shape::Set, Layout::Strings),
        rdb::TYPE_ZSET => (Shape::SortedSet, Layout::Scored(ScoreForm::Text)),
        rdb::TYPE_HASH => (Shape::Hash, Layout::Strings),
        rdb::TYPE_ZSET_2 => (Shape::SortedSet, Layout::Scored(ScoreForm::Binary)),
        rdb::TYPE_HASH_ZIPMAP => (Shape::Hash, Layout::Packed(Zipmap)),
        rdb::TYPE_LIST_ZIPLIST => (Shape::List, Layout::Packed(Ziplist)),
        rdb::TYPE_SET_INTSET => (Shape::Set, Layout::Packed(Intset)),
        rdb::TYPE_ZSET_ZIPLIST => (Shape::SortedSet, Layout::Packed(Ziplist)),
        rdb::TYPE_HASH_ZIPLIST => (Shape::Hash, Layout::Packed(Ziplist)),
        rdb::TYPE_LIST_QUICKLIST => (Shape::List, Layout::Ziplists),
        rdb::TYPE_HASH_LISTPACK => (Shape::Hash, Layout::Packed(Listpack)),
        rdb::TYPE_ZSET_LISTPACK => (Shape::SortedSet, Layout::Packed(Listpack)),
        rdb::TYPE_LIST_QUICKLIST_2 => (Shape::List, Layout::Nodes),
        rdb::TYPE_SET_LISTPACK => (Shape::Set, Layout::Packed(Listpack)),
        rdb::TYPE_STREAM => (Shape::Stream, Layout::Stream(Form::One)),
        rdb::TYPE_STREAM_2 => (Shape::Stream, Layout::Stream(Form::Two)),
        rdb::TYPE_STREAM_3 => (Shape::Stream, Layout::Stream(Form::Three)),
        _ => return None,
    })
}
