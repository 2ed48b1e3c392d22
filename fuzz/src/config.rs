//! A configuration file. An accepted one keeps all rules and means the same with other line ends. Each error is one visible
//! line with its place.

use std::sync::LazyLock;

use lastword::Config;
use lastword::config::KernelAbilities;
use lastword_server::{Cause, Key, Section};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::cli::config_file;
use crate::frame::some_text;

/// Checks bytes as a file, and as the keys of a file.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    check(data);
    if let Ok(text) = keys(&mut Unstructured::new(data)) {
        check(text.as_bytes());
    }
}

fn check(file: &[u8]) {
    // The file that this key names would be read.
    if file
        .windows(TOKEN_FILE.len())
        .any(|part| part == TOKEN_FILE)
    {
        return;
    }
    match config_file::check("file", file) {
        Ok(loaded) => {
            check_config(&loaded.config);
            let text = String::from_utf8_lossy(file);
            let again = format!("{}\n# the end", text.replace("\r\n", "\n"));
            let again = config_file::check("file", again.as_bytes());
            assert_eq!(again.map(|again| again.config), Ok(loaded.config));
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "an error without words");
            let lines = 1 + file.iter().filter(|byte| **byte == b'\n').count();
            for error in errors {
                assert!(!error.contains(char::is_control), "{error:?}");
                let place = error.strip_prefix("file:").unwrap_or_default();
                let line = place.split(':').next().map(str::parse);
                let is_there = matches!(line, Some(Ok(line)) if (1..=lines).contains(&line));
                assert!(is_there, "{error} of {lines} lines");
            }
        }
    }
}

/// A configuration that was accepted keeps all rules, and its consequences can be told.
fn check_config(config: &Config) {
    assert_eq!(config.validate(), Ok(()));
    let profiles = config.profiles();
    assert!((1..=Config::PROFILES_MAX).contains(&profiles.len()));
    let kernel = *KERNEL;
    for cause in Cause::ALL {
        for profile in &profiles {
            let _reach = config.reach(cause, profile, kernel);
        }
    }
    let _told = (config.drain_message(), config.bounds(kernel));
    let admission = &config.admission;
    for network in [&admission.allow, &admission.deny, &admission.exempt]
        .into_iter()
        .flatten()
    {
        assert!(network.contains(network.first()), "{network}");
        assert_eq!(network.to_string().parse(), Ok(*network));
    }
}

/// Some keys with values that may fit, and behind them the tables of the lists.
fn keys(input: &mut Unstructured<'_>) -> Result<String> {
    let (mut text, mut tables) = (String::new(), String::new());
    let all = Key::all().collect::<Vec<_>>();
    while !input.is_empty() {
        let key = *input.choose(&all)?;
        let path = key.path.replace("NAME", "my_game");
        let kind: u8 = input.arbitrary()?;
        let value = match kind % 5 {
            0 => key.default.to_owned(),
            1 => input.arbitrary::<u32>()?.to_string(),
            2 => format!("{:?}", some_text(input)?),
            3 => input.choose(&VALUES).copied()?.to_owned(),
            _ => some_text(input)?.to_owned(),
        };
        let mut lists = Section::ALL.iter().filter(|section| section.is_list);
        let in_list = lists.find_map(|section| {
            let name = key.path.strip_prefix(section.path)?.strip_prefix('.')?;
            Some((section, name))
        });
        let Some((section, name)) = in_list else {
            text.push_str(&format!("{path} = {value}\n"));
            continue;
        };
        let heading = section.heading();
        if kind >= NEW_TABLE || !tables.contains(&heading) {
            tables.push_str(&format!("{heading}\n"));
        }
        tables.push_str(&format!("{name} = {value}\n"));
    }
    Ok(text + &tables)
}

static KERNEL: LazyLock<KernelAbilities> = LazyLock::new(KernelAbilities::probe);

const TOKEN_FILE: &[u8] = b"token_file";

/// From this kind on, a key of a list begins another table.
const NEW_TABLE: u8 = 128;

const VALUES: [&str; 13] = [
    "true",
    "false",
    "0",
    "1",
    "-1",
    "4294967295",
    "[]",
    "[\"a\", \"b\"]",
    "{ a = 1 }",
    "\"127.0.0.1:7000\"",
    "[\"192.0.2.7\", \"10.0.0.0/8\", \"2001:db8::/32\"]",
    "[\"::ffff:192.0.2.0/120\"]",
    "[\"native\"]",
];
