//! Checks that the table of `docs/kernel-knobs.md` matches the code.

use std::time::Duration;

use lastword_keepalive::{Profile, RETRIES_DEFAULT, kernel_give_up};

const DOC: &str = include_str!("../../../docs/kernel-knobs.md");

#[test]
fn the_table_of_profiles_is_the_code_s() {
    let rows: Vec<_> = DOC
        .lines()
        .filter(|line| {
            Profile::NAMES
                .iter()
                .any(|name| line.starts_with(&format!("| `{name}`")))
        })
        .collect();
    let profiles = Profile::NAMES.map(|name| Profile::builtin(name).unwrap());
    assert_eq!(rows, profiles.map(|profile| row(&profile)));
}

fn row(profile: &Profile) -> String {
    let knobs = profile.knobs();
    let dead = profile.dead.map_or("never".to_owned(), seconds);
    let (idle, interval) = (
        seconds(knobs.keepalive_idle),
        seconds(knobs.keepalive_interval),
    );
    let (count, end) = (
        knobs.keepalive_count,
        knobs.keepalive_end().map_or("never".to_owned(), seconds),
    );
    let rto_max = knobs.rto_max.map(|rto_max| rto_max.as_millis().to_string());
    let rto_max = rto_max.unwrap_or("the kernel's".to_owned());
    let give_up = seconds(kernel_give_up(knobs.rto_max, RETRIES_DEFAULT));
    let name = profile.name;
    format!("| `{name}` | {dead} | {idle}, {interval}, {count} | {end} | {rto_max} | {give_up} |")
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
