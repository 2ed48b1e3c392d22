//! Which lines are logged: a level, and levels of modules.

use tracing_subscriber::filter::{LevelFilter, Targets};

/// Reads a list of `LEVEL` and `MODULE=LEVEL`. Without a `LEVEL` alone, each module that the list does not name is off.
///
/// # Errors
/// In words, with the allowed levels. A bare word that is not a level is an error, too: it is no name of a module.
pub(super) fn parse(text: &str) -> Result<Targets, String> {
    let mut levels = Targets::new();
    for part in text.split(',') {
        let (module, level) = match part.split_once('=') {
            Some((module, level)) => (Some(module.trim()), level.trim()),
            None => (None, part.trim()),
        };
        let mut known = LEVELS.iter();
        let known = known.find(|(name, _)| name.eq_ignore_ascii_case(level));
        let (_, known) = known.ok_or_else(|| format!("{level:?} is not a level; {ALLOWED}"))?;
        levels = match module {
            None => levels.with_default(*known),
            Some("") => return Err(format!("{part:?} has no module before the `=`; {ALLOWED}")),
            Some(module) => levels.with_target(module, *known),
        };
    }
    Ok(levels)
}

const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];
const ALLOWED: &str = "allowed is off, error, warn, info, debug or trace, also by module, as in \
    info,lastword_server=debug";

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_level_holds_for_every_module_without_one_of_its_own() {
        let levels = parse("Info, lastword_server=debug,lastword::close=off").unwrap();
        let enabled = |module: &str, level| levels.would_enable(module, &level);
        assert!(enabled("lastword", Level::INFO) && !enabled("lastword", Level::DEBUG));
        assert!(enabled("lastword_server::listen", Level::DEBUG));
        assert!(!enabled("lastword::close", Level::ERROR));
        let only = parse("lastword_server=debug").unwrap();
        assert!(!only.would_enable("lastword::close", &Level::ERROR));
    }

    #[test]
    fn text_that_is_not_a_level_is_an_error_with_the_allowed_levels() {
        for (text, words) in [
            ("", "\"\" is not a level; "),
            ("warning", "\"warning\" is not a level; "),
            ("3", "\"3\" is not a level; "),
            ("lastword_server", "\"lastword_server\" is not a level; "),
            ("info,", "\"\" is not a level; "),
            ("info,lastword=loud", "\"loud\" is not a level; "),
            ("info,lastword=", "\"\" is not a level; "),
            ("=info", "\"=info\" has no module before the `=`; "),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(words), "{text:?}: {error}");
            assert!(error.contains("off, error, warn, info, debug or trace"));
        }
    }
}
