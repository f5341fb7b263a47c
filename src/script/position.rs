//! Where a script is.

use mlua::Lua;

/// The chunk of our own Lua code, which is not shown; so Lua calls what has no lines.
pub const OWN_CHUNK: &str = "=?";

/// Where a script is, as its errors tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The chunk, with the `@` before the name of a file.
    pub source: String,
    /// The line.
    pub line: i64,
}

/// Writes the place of the function at a level as Lua puts it before an error: `user_script:1: `.
///
/// It is empty for a function that is not of Lua.
pub fn prefix(lua: &Lua, level: usize) -> String {
    let place = lua.inspect_stack(level, |frame| {
        let line = frame.current_line()?;
        Some(format!("{}:{line}: ", frame.source().short_src?))
    });
    place.flatten().unwrap_or_default()
}

/// Tells by what name the function at a level was called; that of ours that runs is at 0.
pub fn called_as(lua: &Lua, level: usize) -> String {
    let name =
        lua.inspect_stack(level, |frame| frame.names().name.map(std::borrow::Cow::into_owned));
    name.flatten().unwrap_or_else(|| "?".to_owned())
}

/// Finds where an error was raised, for the function that Lua calls with it.
///
/// That is what raised it, or what called that if it is a function of ours; who called a function of
/// ours may be one of Lua's own, which has no line.
pub fn of_error(lua: &Lua) -> Option<Place> {
    let (place, is_script) = at(lua, 1)?;
    if is_script {
        return Some(place);
    }
    let (place, _) = at(lua, 2)?;
    // Our own Lua code stands for a function that raises by itself.
    if place.source == OWN_CHUNK { at(lua, 3).map(|(place, _)| place) } else { Some(place) }
}

/// Tells what function is at a level, and whether it is one of a script.
fn at(lua: &Lua, level: usize) -> Option<(Place, bool)> {
    lua.inspect_stack(level, |frame| {
        let source = frame.source();
        let line = frame.current_line().map_or(-1, |line| line as i64);
        let place = Place { source: source.source.unwrap_or_default().into_owned(), line };
        (place, source.what != "C")
    })
}

/// Finds the innermost function of a script, from a level on.
pub fn innermost(lua: &Lua, level: usize) -> Option<Place> {
    for level in level.. {
        let place = lua.inspect_stack(level, |frame| {
            let source = frame.source();
            let text = source.source.unwrap_or_default();
            if matches!(source.what, "C" | "tail") || text == OWN_CHUNK {
                return None;
            }
            let line = frame.current_line().map_or(-1, |line| line as i64);
            Some(Place { source: text.into_owned(), line })
        })?;
        if place.is_some() {
            return place;
        }
    }
    None
}
