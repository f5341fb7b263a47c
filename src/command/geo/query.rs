//! What a search asks for, read out of its words.

use crate::command::Fault;
use crate::keyspace::SortedSet;
use crate::net::args::{Args, Words};
use crate::number::parse_i64_strict;

use super::area::{Area, Extent};
use super::hash::Point;
use super::words::{parse_box, parse_circle, parse_point};

/// The forms in which a search may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `GEORADIUS key longitude latitude radius unit …`
    Radius(Storing),
    /// `GEORADIUSBYMEMBER key member radius unit …`
    RadiusByMember(Storing),
    /// `GEOSEARCH key …`
    Search,
    /// `GEOSEARCHSTORE destination key …`
    SearchStore,
}

/// Whether a result may be stored on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storing {
    Optional,
    Never,
}

/// What a search asks for.
#[derive(Debug)]
pub(super) struct Query {
    /// Where to search; none if that could not be told for want of a set.
    pub area: Option<Area>,
    /// The most to be found.
    pub count: Option<usize>,
    /// Which ones are found if there are more.
    pub choice: Choice,
    pub order: Option<Order>,
    /// What is told of each.
    pub told: Told,
    /// Where the result goes instead of the reply.
    pub store: Option<Store>,
}

/// Which ones are found if there are more than asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Choice {
    /// The first ones of the order.
    #[default]
    First,
    /// Those that are met first.
    Any,
}

/// An order by distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    NearestFirst,
    FarthestFirst,
}

/// What is told of a member beside its name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub distance: bool,
    pub hash: bool,
    pub point: bool,
}

/// Where a result is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Store {
    /// The word that is the key.
    pub word: usize,
    pub scores: Scores,
}

/// What becomes the score of a member that is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scores {
    #[default]
    Hashes,
    /// The distances, in the unit of the request.
    Distances,
}

/// The options read so far.
#[derive(Default)]
struct Options {
    center: Option<Center>,
    extent: Option<Extent>,
    count: Option<usize>,
    choice: Choice,
    order: Option<Order>,
    told: Told,
    store: Option<Store>,
    scores: Scores,
}

/// A center, by the way it was given; a member of an absent set is nowhere.
#[derive(Clone, Copy)]
enum Center {
    Member(Option<Point>),
    Point(Point),
}

impl Form {
    /// Returns the word that is the key of the set.
    pub fn source_word(self) -> usize {
        if self == Self::SearchStore { 2 } else { 1 }
    }

    /// Tells what those are told who subscribe to events of the key that gets the result.
    pub fn event(self) -> &'static str {
        if self == Self::SearchStore { "geosearchstore" } else { "georadiusstore" }
    }

    fn options_begin(self) -> usize {
        match self {
            Self::Radius(_) => 6,
            Self::RadiusByMember(_) => 5,
            Self::Search => 2,
            Self::SearchStore => 3,
        }
    }

    fn is_radius(self) -> bool {
        matches!(self, Self::Radius(_) | Self::RadiusByMember(_))
    }

    fn may_store(self) -> bool {
        matches!(self, Self::Radius(Storing::Optional) | Self::RadiusByMember(Storing::Optional))
    }
}

impl Query {
    /// Reads a request; `set` is what its key holds.
    pub fn parse(form: Form, args: &Args<'_>, set: Option<&SortedSet<'_>>) -> Result<Self, Fault> {
        let mut options = Options::default();
        options.read_fixed(form, args, set)?;
        let mut words = args.from(form.options_begin()).iter();
        while let Some(word) = words.next() {
            let place = args.len() - words.len();
            options.read(form, word, &mut words, place, set)?;
        }
        options.finish(form, args)
    }
}

impl Options {
    /// Reads what has a fixed place in front of the options.
    fn read_fixed(
        &mut self,
        form: Form,
        args: &Args<'_>,
        set: Option<&SortedSet<'_>>,
    ) -> Result<(), Fault> {
        match form {
            Form::Radius(_) => {
                self.center = Some(Center::Point(parse_point(args.word(2), args.word(3))?));
                self.extent = Some(parse_circle(args.word(4), args.word(5))?);
            }
            // Of a set that is not there, stock servers do not even look at the radius.
            Form::RadiusByMember(_) if set.is_some() => {
                self.center = Some(member_of(set, args.word(2))?);
                self.extent = Some(parse_circle(args.word(3), args.word(4))?);
            }
            Form::RadiusByMember(_) | Form::Search => {}
            Form::SearchStore => self.store = Some(Store { word: 1, scores: Scores::Hashes }),
        }
        Ok(())
    }

    /// Reads one option; `place` is that of the word behind its name.
    fn read(
        &mut self,
        form: Form,
        name: &[u8],
        words: &mut Words<'_>,
        place: usize,
        set: Option<&SortedSet<'_>>,
    ) -> Result<(), Fault> {
        let is = |option: &str| name.eq_ignore_ascii_case(option.as_bytes());
        if is("WITHDIST") {
            self.told.distance = true;
        } else if is("WITHHASH") {
            self.told.hash = true;
        } else if is("WITHCOORD") {
            self.told.point = true;
        } else if is("ANY") {
            self.choice = Choice::Any;
        } else if is("ASC") {
            self.order = Some(Order::NearestFirst);
        } else if is("DESC") {
            self.order = Some(Order::FarthestFirst);
        } else if is("COUNT") {
            self.count = Some(parse_count(words.next().ok_or(Fault::SYNTAX)?)?);
        } else if form.may_store() && (is("STORE") || is("STOREDIST")) {
            words.next().ok_or(Fault::SYNTAX)?;
            let scores = if is("STORE") { Scores::Hashes } else { Scores::Distances };
            self.store = Some(Store { word: place, scores });
        } else if form == Form::SearchStore && is("STOREDIST") {
            self.scores = Scores::Distances;
        } else if !form.is_radius() {
            return self.read_area(name, words, set);
        } else {
            return Err(Fault::SYNTAX);
        }
        Ok(())
    }

    /// Reads an option that says where to search; one of another kind than before is refused.
    fn read_area(
        &mut self,
        name: &[u8],
        words: &mut Words<'_>,
        set: Option<&SortedSet<'_>>,
    ) -> Result<(), Fault> {
        use super::area::Form::{Box, Circle};
        let is = |option: &str| name.eq_ignore_ascii_case(option.as_bytes());
        let mut next = || words.next().ok_or(Fault::SYNTAX);
        let form = self.extent.map(|extent| extent.form);
        if is("FROMMEMBER") && !matches!(self.center, Some(Center::Point(_))) {
            self.center = Some(member_of(set, next()?)?);
        } else if is("FROMLONLAT") && !matches!(self.center, Some(Center::Member(_))) {
            let (longitude, latitude) = (next()?, next()?);
            self.center = Some(Center::Point(parse_point(longitude, latitude)?));
        } else if is("BYRADIUS") && !matches!(form, Some(Box { .. })) {
            let (radius, unit) = (next()?, next()?);
            self.extent = Some(parse_circle(radius, unit)?);
        } else if is("BYBOX") && !matches!(form, Some(Circle { .. })) {
            let (width, height, unit) = (next()?, next()?, next()?);
            self.extent = Some(parse_box(width, height, unit)?);
        } else {
            return Err(Fault::SYNTAX);
        }
        Ok(())
    }

    /// Makes sure that the options go together.
    fn finish(self, form: Form, args: &Args<'_>) -> Result<Query, Fault> {
        let Self { center, extent, count, choice, order, told, store, scores } = self;
        if store.is_some() && (told.distance || told.hash || told.point) {
            let is_search = form == Form::SearchStore;
            let what = if is_search { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Fault::of(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        if !form.is_radius() && center.is_none() {
            let text = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ";
            return Err(Fault::quoting(text, args.word(0), ""));
        }
        if !form.is_radius() && extent.is_none() {
            let text = "ERR exactly one of BYRADIUS and BYBOX can be specified for ";
            return Err(Fault::quoting(text, args.word(0), ""));
        }
        if choice == Choice::Any && count.is_none() {
            return Err(Fault::fixed("ERR the ANY argument requires COUNT argument"));
        }
        let center = match center {
            Some(Center::Point(point) | Center::Member(Some(point))) => Some(point),
            Some(Center::Member(None)) | None => None,
        };
        let area = center.zip(extent).map(|(center, extent)| Area { center, extent });
        let store = match store {
            Some(store) if form == Form::SearchStore => Some(Store { scores, ..store }),
            other => other,
        };
        // The first of no order would be none in particular.
        let default = (count.is_some() && choice == Choice::First).then_some(Order::NearestFirst);
        Ok(Query { area, count, choice, order: order.or(default), told, store })
    }
}

fn member_of(set: Option<&SortedSet<'_>>, member: &[u8]) -> Result<Center, Fault> {
    const UNKNOWN: Fault = Fault::fixed("ERR could not decode requested zset member");
    let Some(set) = set else { return Ok(Center::Member(None)) };
    let score = set.score(member).ok_or(UNKNOWN)?;
    Ok(Center::Member(Some(Point::of_score(score))))
}

fn parse_count(word: &[u8]) -> Result<usize, Fault> {
    let count = parse_i64_strict(word).ok_or(Fault::NOT_AN_INTEGER)?;
    let count = usize::try_from(count).ok().filter(|count| *count > 0);
    count.ok_or(Fault::fixed("ERR COUNT must be > 0"))
}
