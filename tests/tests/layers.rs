//! Compares the layers of `ARCHITECTURE.md` with cargo's metadata: the allowed and the forbidden dependencies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each crate, and the crates of this workspace that it may depend on.
const LAYERS: &[(&str, &[&str])] = &[
    ("lastword-keepalive", &[]),
    ("lastword-sys", &["lastword-keepalive"]),
    ("lastword-session", &["lastword-keepalive"]),
    (
        "lastword-transport",
        &["lastword-session", "lastword-keepalive", "lastword-sys"],
    ),
    (
        "lastword-server",
        &[
            "lastword-transport",
            "lastword-session",
            "lastword-keepalive",
            "lastword-sys",
        ],
    ),
    (
        "lastword-client",
        &[
            "lastword-transport",
            "lastword-session",
            "lastword-keepalive",
        ],
    ),
    ("lastword-admin", &["lastword-server"]),
    (
        "lastword",
        &["lastword-server", "lastword-client", "lastword-admin"],
    ),
    (
        "lastword-load",
        &[
            "lastword-client",
            "lastword-transport",
            "lastword-session",
            "lastword-keepalive",
            "lastword-sys",
        ],
    ),
    ("lastword-netlab", &["lastword-sys"]),
    ("lastword-watch", &["lastword-sys"]),
];

/// Crates that read no clock and own no socket: they must not reach any of these.
const SANS_IO: &[&str] = &["lastword-keepalive", "lastword-session"];
const IO: &[&str] = &["tokio", "mio", "socket2", "libc", "metrics", "tracing"];

#[test]
fn every_crate_depends_only_on_the_layers_below_it() {
    let metadata = metadata();
    for (name, allowed) in LAYERS {
        let ours: BTreeSet<_> = dependencies(&metadata, name)
            .into_iter()
            .filter(|dependency| dependency.starts_with("lastword"))
            .collect();
        let allowed: BTreeSet<_> = allowed.iter().map(ToString::to_string).collect();
        assert!(
            ours.is_subset(&allowed),
            "{name} depends on {ours:?}, and may on {allowed:?}"
        );
    }
}

/// The wall clock is for records and logs, which the server writes.
#[test]
fn no_deadline_is_on_a_clock_that_can_jump() {
    let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates");
    for name in ["keepalive", "session", "transport", "client"] {
        let search = Command::new("grep")
            .args(["-rlE", "SystemTime|UNIX_EPOCH", name, "--include=*.rs"])
            .current_dir(crates)
            .output()
            .expect("grep starts");
        // It ends with 1 where it finds nothing, and with 2 where it fails.
        let files = String::from_utf8_lossy(&search.stdout);
        assert_eq!(search.status.code(), Some(1), "{files}");
    }
}

#[test]
fn every_library_has_its_layer() {
    let known: BTreeSet<_> = LAYERS.iter().map(|(name, _)| *name).collect();
    for package in members(&metadata()) {
        let is_tool = [
            "lastword-cli",
            "lastword-tests",
            "lastword-silence",
            "lastword-generate",
        ]
        .contains(&package.as_str());
        assert!(
            is_tool || known.contains(package.as_str()),
            "{package} has no layer in this test"
        );
    }
}

#[test]
fn the_state_machines_reach_no_runtime_and_no_socket() {
    let metadata = metadata();
    for name in SANS_IO {
        let reached = reachable(&metadata, name);
        for io in IO {
            assert!(!reached.contains(*io), "{name} reaches {io}");
        }
    }
}

#[test]
fn unsafe_code_is_forbidden_everywhere_but_in_sys() {
    for package in metadata()["packages"].as_array().unwrap() {
        let (name, manifest) = (
            package["name"].as_str().unwrap(),
            package["manifest_path"].as_str().unwrap(),
        );
        if name.starts_with("lastword") && name != "lastword-sys" {
            let manifest = std::fs::read_to_string(manifest).unwrap();
            assert!(
                manifest.contains("[lints]\nworkspace = true"),
                "{name} does not inherit the lints"
            );
        }
    }
}

fn metadata() -> Value {
    // For this system only: the crates for other systems need not be on this machine.
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--filter-platform",
            &host(),
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn host() -> String {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc runs");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc names its host")
        .to_owned()
}

fn members(metadata: &Value) -> Vec<String> {
    let ids = metadata["workspace_members"].as_array().unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages
        .iter()
        .filter(|package| ids.contains(&package["id"]));
    ours.map(|package| package["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The names a package depends on, without those of its tests.
fn dependencies(metadata: &Value, name: &str) -> Vec<String> {
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages
        .iter()
        .find(|package| package["name"] == name)
        .expect("the package is there");
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns every package that a package reaches in the resolved graph, without dev-dependencies.
fn reachable(metadata: &Value, name: &str) -> BTreeSet<String> {
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            (
                package["id"].as_str().unwrap(),
                package["name"].as_str().unwrap(),
            )
        })
        .collect();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let mut reached = BTreeSet::new();
    let mut next = vec![*names.iter().find(|(_, of)| **of == name).unwrap().0];
    while let Some(id) = next.pop() {
        let node = nodes.iter().find(|node| node["id"] == id).unwrap();
        for dependency in node["deps"].as_array().unwrap() {
            let is_normal = dependency["dep_kinds"]
                .as_array()
                .unwrap()
                .iter()
                .any(|kind| kind["kind"].is_null());
            let id = dependency["pkg"].as_str().unwrap();
            if is_normal && reached.insert(names[id].to_owned()) {
                next.push(id);
            }
        }
    }
    reached
}
