//! Running a test's body in a lab: the test executes itself again, inside a sandbox, for that body only.

use std::any;
use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::process::{self, Output};
use std::sync::{Mutex, PoisonError};

use crate::lab::Lab;
use crate::sandbox::Sandbox;
use crate::skip::{self, Skip};

/// The result of a test's body; an error that is or wraps a [`Skip`] skips the test.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Runs the body of a test in a lab, or reports the test as skipped where labs cannot be built.
///
/// The closure must be written in the test function itself, and only once: its type gives the name under which the test
/// is executed again. Code before this call runs twice. Code after it runs only once, outside the lab.
///
/// # Panics
///
/// When the body fails or panics, with everything that it printed; and at a second call in one test.
#[track_caller]
pub fn run<F: FnOnce(&Lab) -> Outcome>(body: F) {
    let test = test_name(any::type_name::<F>());
    if env::var_os(INSIDE).is_some() {
        inside(test, body);
    }
    assert!(
        is_first(test),
        "{test} calls `run` twice, and only its first body would ever be executed"
    );
    let outcome = Sandbox::find().map(|sandbox| execute_again(test, sandbox));
    let skip = match outcome {
        Ok(output) => verdict(test, output),
        Err(skip) => Some(skip),
    };
    let reported = skip.map_or(Ok(()), |skip| skip.report(test));
    assert!(
        reported.is_ok(),
        "{test} cannot report that it was skipped: {reported:?}"
    );
}

/// When a test function is executed again, it enters its first body, independent of the call that started it.
fn is_first(test: &'static str) -> bool {
    static SEEN: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    SEEN.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(test)
}

fn execute_again(test: &str, sandbox: Sandbox) -> io::Result<Output> {
    sandbox
        .command(env::current_exe()?)
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(INSIDE, "1")
        .env_remove(skip::FILE)
        .output()
}

/// Never returns to the test function: this process exists only for the body.
fn inside(test: &str, body: impl FnOnce(&Lab) -> Outcome) -> ! {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| body(&Lab::new()?)));
    let code = match outcome {
        Ok(Ok(())) => PASSED,
        Ok(Err(error)) => match Skip::within(&*error).map(|skip| skip.report(test)) {
            Some(Ok(())) => SKIPPED,
            Some(Err(_)) | None => {
                eprintln!("{test}: {error}");
                FAILED
            }
        },
        Err(_) => FAILED,
    };
    process::exit(code)
}

#[track_caller]
fn verdict(test: &str, output: io::Result<Output>) -> Option<Skip> {
    let (code, printed) = match output {
        Ok(output) => {
            let printed = [output.stdout, output.stderr].concat();
            (
                output.status.code(),
                String::from_utf8_lossy(&printed).into_owned(),
            )
        }
        Err(error) => (None, error.to_string()),
    };
    let skip = Skip::reported(test, &printed).filter(|_| code == Some(SKIPPED));
    assert!(
        code == Some(PASSED) || skip.is_some(),
        "{test} failed in its lab ({}):\n{printed}",
        code.map_or_else(
            || "no exit code".to_owned(),
            |code| format!("exit code {code}")
        ),
    );
    eprint!("{printed}");
    skip
}

/// `crate::module::test::{{closure}}` is the closure in `module::test`.
fn test_name(closure: &'static str) -> &'static str {
    let function = closure.split("::{{closure}}").next().unwrap_or(closure);
    function.split_once("::").map_or(function, |(_, name)| name)
}

const INSIDE: &str = "LASTWORD_NETLAB";

// The test harness itself exits with 0 or 101. These codes come from a body that ran, and 0 means that no test had the
// name.
const PASSED: i32 = 40;
const SKIPPED: i32 = 41;
const FAILED: i32 = 42;

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn only_the_codes_of_a_body_count() {
        assert_eq!(verdict("mine", ended(PASSED, "")), None);
        assert_eq!(
            verdict("mine", ended(SKIPPED, "skipped: mine: too old\n")),
            Some(Skip::new("too old"))
        );
    }

    #[test]
    #[should_panic = "mine failed in its lab (exit code 0)"]
    fn a_harness_that_found_no_such_test_is_no_success() {
        verdict("mine", ended(0, "0 passed"));
    }

    #[test]
    #[should_panic = "mine failed in its lab (exit code 41)"]
    fn a_skip_without_a_reason_is_no_skip() {
        verdict("mine", ended(SKIPPED, "skipped: another: too old\n"));
    }

    #[test]
    fn the_name_of_a_test_is_the_path_of_the_function_around_the_closure() {
        assert_eq!(
            test_name("lab::cut::both_sides::{{closure}}"),
            "cut::both_sides"
        );
        assert_eq!(
            test_name("lab::both_sides::{{closure}}::{{closure}}"),
            "both_sides"
        );
    }

    fn ended(code: i32, stderr: &str) -> io::Result<Output> {
        Ok(Output {
            status: ExitStatus::from_raw(code << 8),
            stdout: Vec::new(),
            stderr: stderr.into(),
        })
    }
}
