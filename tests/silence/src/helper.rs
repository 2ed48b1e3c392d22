//! The helper processes of a scene, from inside: the server, and one process with all clients. Both take orders on
//! standard input.

mod accounts;
mod client;
pub(crate) mod clients;
mod game;
pub(crate) mod server;

use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::Context as _;
use lastword_load::process::{answer, next_order};
use serde::de::DeserializeOwned;

use crate::messages::Message;

/// Does the task of a process until standard input ends.
pub(crate) fn run(task: impl FnOnce(&Reports) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let (reports, to_write) = channel();
    let writer = thread::spawn(move || to_write.iter().all(|report| answer(&report).is_ok()));
    let done = task(&reports);
    if let Err(error) = &done {
        // If the reader of our output is gone, sending fails, and nothing more can be done.
        reports.send(Err(format!("{error:#}"))).ok();
        drop(reports);
        // The writer ends with the last sender, and after an error no running task holds one.
        writer.join().ok();
    }
    done
}

/// A channel for messages, which never waits for their reader. An error says why the process cannot continue.
pub(crate) type Reports = Sender<Result<Message, String>>;

/// Reads the first line.
fn first_order<T: DeserializeOwned>() -> anyhow::Result<T> {
    next_order()?.context("there is no first line")
}
