//! Makes `config/lastword.toml` and `docs/configuration.md` from the table of the configuration.

use std::fmt::Write;

use lastword_server::{Key, Section};

/// Returns the text of the reference file.
#[must_use]
pub fn file() -> String {
    let mut text = FILE_HEAD.to_owned();
    for section in Section::ALL {
        let heading = section.heading().replace("NAME", "my_game");
        // An example is off.
        let off = if heading == section.heading() {
            ""
        } else {
            "#"
        };
        text.push('\n');
        comment(&mut text, section.words);
        line(&mut text, &format!("{off}{heading}"));
        for key in section.keys {
            let (unit, default) = (key.unit, key.default);
            text.push('\n');
            comment(&mut text, key.words);
            comment(&mut text, &format!("Unit: {unit}. Default: {default}."));
            comment(&mut text, &format!("Allowed: {}.", key.allowed));
            comment(&mut text, &format!("Causes: {}.", causes(key, "")));
            comment(&mut text, &format!("Takes effect at: {}.", effect(key)));
            line(&mut text, &format!("{off}{} = {default}", name(key)));
        }
    }
    text
}

/// Returns the text of the page.
#[must_use]
pub fn page() -> String {
    let mut text = PAGE_HEAD.to_owned();
    for section in Section::ALL {
        let (path, words) = (section.path, section.words);
        line(&mut text, &format!("\n## `{path}`\n\n{words}\n"));
        text.push_str(TABLE_HEAD);
        for key in section.keys {
            let (name, unit, default) = (name(key), key.unit, key.default);
            let (allowed, causes, words) = (key.allowed, causes(key, "`"), key.words);
            let effect = effect(key);
            line(
                &mut text,
                &format!(
                    "| `{name}` | `{default}` | {unit} | {allowed} | {causes} | {effect} | {words} |"
                ),
            );
        }
    }
    text
}

fn name(key: &Key) -> &'static str {
    key.path.rsplit('.').next().unwrap_or(key.path)
}

fn causes(key: &Key, quote: &str) -> String {
    let labels = key.causes.iter().map(|cause| cause.label());
    let quoted: Vec<_> = labels
        .map(|label| format!("{quote}{label}{quote}"))
        .collect();
    match quoted.is_empty() {
        true => "none".to_owned(),
        false => quoted.join(", "),
    }
}

fn effect(key: &Key) -> &'static str {
    match key.reloads() {
        true => "a reload",
        false => "a restart",
    }
}

/// Adds a comment, in lines of at most [`WIDTH`] characters.
fn comment(text: &mut String, words: &str) {
    let mut current = "#".to_owned();
    for word in words.split_whitespace() {
        if current.chars().count() + 1 + word.chars().count() > WIDTH {
            line(text, &current);
            "#".clone_into(&mut current);
        }
        current.push(' ');
        current.push_str(word);
    }
    line(text, &current);
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "{line}").ok();
}

const WIDTH: usize = 120;

const FILE_HEAD: &str = "\
# The configuration of `lastword serve`: every key with its default. A key that is left out has its default. An unknown
# key is refused. Below each explanation are the unit, the default, the allowed values, and the causes (docs/causes.md)
# that the key can produce. A line that begins with `#` and a key is an example that is off.
# `lastword check-config FILE` lists the errors of a file, or the causes that it can produce on this kernel.
# In the repository, `cargo run -p lastword-generate` makes this file from crates/server/src/config/table.rs.
";

const PAGE_HEAD: &str = "\
<!-- Made by `cargo run -p lastword-generate` from crates/server/src/config/table.rs: change that. -->
# Configuration

This page lists every key. A key that is left out has its default, and an unknown key is refused.
`lastword serve --config FILE` reads a file such as [`config/lastword.toml`](../config/lastword.toml). A game can nest
the same keys in its own file. `lastword check-config FILE` lists the errors of a file, or the causes that it can
produce on this kernel. [`causes.md`](causes.md) explains the causes.
";

const TABLE_HEAD: &str = "\
| Key | Default | Unit | Allowed | Causes | Takes effect at | What it sets |
|---|---|---|---|---|---|---|
";
