//! Tests the live page in a real Chromium: `tests/browser`, with this build of the command.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

use lastword_netlab::Skip;

#[test]
fn the_live_page_does_in_a_browser_what_it_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    if let Some(missing) = missing(&folder) {
        let skip = Skip::new(&missing);
        return skip.report("the_live_page_does_in_a_browser").unwrap();
    }
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", "live.test.mjs"])
        .current_dir(&folder)
        .env("LASTWORD", env!("CARGO_BIN_EXE_lastword"))
        .env("CHROMIUM", chromium().unwrap())
        .status();
    assert!(status.unwrap().success(), "the tests above failed");
}

#[test]
fn the_live_page_shows_durations_in_the_unit_that_fits() {
    if let Some(missing) = missing_node() {
        let skip = Skip::new(&missing);
        return skip.report("the_live_page_shows_durations").unwrap();
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    let mut node = Command::new("node");
    let status = node.args(["--test", "words.test.mjs"]).current_dir(folder);
    assert!(status.status().unwrap().success(), "the tests above failed");
}

fn missing_node() -> Option<String> {
    let node = Command::new("node").arg("--version").output();
    let works = node.is_ok_and(|node| node.status.success());
    (!works).then(|| "there is no node; scripts/setup.sh installs it".to_owned())
}

fn missing(folder: &Path) -> Option<String> {
    if let Some(missing) = missing_node() {
        return Some(missing);
    }
    if chromium().is_none() {
        return Some("there is no chromium; scripts/setup.sh installs it".to_owned());
    }
    let driver = folder.join("node_modules/playwright-core");
    (!driver.exists())
        .then(|| "its packages are not there; scripts/browser.sh installs them".to_owned())
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path).map(|folder| folder.join("chromium"));
    places.into_iter().find(|program| program.exists())
}
