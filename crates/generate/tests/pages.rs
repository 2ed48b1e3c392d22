//! The pages for people: their links lead somewhere, they contain no counts that the code can give, and the first page
//! is short.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lastword_generate::path_in_repository;

/// This page holds measured figures, which stay as they were measured.
const MEASURED: &str = "docs/measurements.md";

/// Every page, by its path in the repository.
fn pages() -> Vec<String> {
    let mut pages: Vec<_> = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "deploy/README.md",
        "bench/README.md",
        "crates/netlab/README.md",
    ]
    .map(str::to_owned)
    .into();
    for entry in fs::read_dir(path_in_repository("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            pages.push(format!("docs/{name}"));
        }
    }
    pages
}

/// The lines of a page that are not code.
fn prose(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push(line);
        }
    }
    lines
}

/// The targets of links and pictures.
fn links(text: &str) -> Vec<&str> {
    let ends = [("](", ')'), ("src=\"", '"')];
    let all = ends.iter().flat_map(|(begin, end)| {
        let parts = text.split(begin).skip(1);
        parts.filter_map(|part| part.split(*end).next())
    });
    all.filter(|target| !target.starts_with("http")).collect()
}

/// The anchors that GitHub makes of the headings.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(page).unwrap();
    let headings = prose(&text).into_iter();
    let headings = headings.filter_map(|line| line.strip_prefix('#'));
    headings
        .map(|heading| {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_to_a_heading_in_it() {
    let mut found = 0;
    for page in pages() {
        let path = path_in_repository(&page);
        let text = fs::read_to_string(&path).unwrap();
        for link in links(&prose(&text).join("\n")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{page}: {link}");
            let is_there = anchor.is_empty() || anchors(&target).contains(anchor);
            assert!(is_there, "{page}: {link}");
            found += 1;
        }
    }
    assert!(found > 50, "{found} links");
}

#[test]
fn no_page_counts_causes_ways_or_alerts() {
    let help = "crates/cli/src/main.rs".to_owned();
    for page in pages().into_iter().chain([help]) {
        if page == MEASURED {
            continue;
        }
        let text = fs::read_to_string(path_in_repository(&page)).unwrap();
        let counted = counts(&prose(&text).join("\n"));
        assert_eq!(counted, Vec::<String>::new(), "{page}");
    }
}

#[test]
fn a_count_is_found_as_a_figure_and_as_a_word() {
    for (text, is_found) in [
        ("in 38 ways and more", true),
        ("in forty ways", true),
        ("plays fourteen such ends", true),
        ("with sixteen\nalerts", true),
        ("39 of the causes", true),
        ("there are two ways", false),
        ("every 15 s, in all ways", false),
        ("over 100,000 endings", false),
    ] {
        assert_eq!(!counts(text).is_empty(), is_found, "{text}");
    }
}

/// Finds a number from 11 to 999 in front of something that the code has a list of.
fn counts(text: &str) -> Vec<String> {
    let words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || "`*(".contains(c))
        .map(|word| {
            word.trim_matches([',', '.', ':', ';', ')', '"'])
                .to_lowercase()
        })
        .filter(|word| !word.is_empty() && word != "///")
        .collect();
    let starts = words.iter().enumerate().filter(|(_, word)| is_count(word));
    starts
        .filter_map(|(at, _)| {
            let rest = words.get(at + 1..)?.iter();
            let mut rest = rest.skip_while(|word| BETWEEN.contains(&word.as_str()));
            let is_counted = THINGS.contains(&rest.next()?.as_str());
            is_counted.then(|| words.get(at..at + 3).unwrap_or_default().join(" "))
        })
        .collect()
}

fn is_count(word: &str) -> bool {
    let figure = word
        .parse()
        .is_ok_and(|figure: u32| (11..1000).contains(&figure));
    figure || NUMBERS.iter().any(|number| word.starts_with(number))
}

const NUMBERS: [&str; 14] = [
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
];
const BETWEEN: [&str; 7] = ["of", "the", "such", "different", "kinds", "other", "more"];
const THINGS: [&str; 9] = [
    "alerts", "causes", "cases", "endings", "ends", "metrics", "queries", "rows", "ways",
];

#[test]
fn the_first_page_is_short_and_begins_with_the_example_that_is_pasted() {
    let text = fs::read_to_string(path_in_repository("README.md")).unwrap();
    let lines = text.lines().count();
    assert!(lines <= 150, "{lines} lines: the rest belongs to docs/");
    let (_, example) = text.split_once("\n```rust").unwrap();
    assert!(example.lines().nth(1).unwrap().contains("Server"));
}
