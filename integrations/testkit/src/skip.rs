//! Loud skips: a test that cannot run says so where `tests/run` counts it.

use std::io::Write;

/// Says that a test could not run, and why: on its output, and in the file that `tests/run` reads
/// for its closing lines. The test returns after it.
pub fn skip(test: &str, why: &str) {
    #[allow(clippy::print_stdout)] // The test program's output is where this must stand.
    {
        println!("SKIPPED: {test}: {why}");
    }
    let Some(path) = std::env::var_os("SLUICEGATE_TEST_SKIPS") else {
        return;
    };
    let file = std::fs::OpenOptions::new().append(true).open(path);
    // One write, so that lines of test programs that run side by side do not mix.
    file.and_then(|mut file| file.write_all(format!("{test}: {why}\n").as_bytes()))
        .expect("the file of skips can be written");
}

/// The address of a backend that `tests/run` started, by the name of its variable. Skips `test`
/// loudly and gives `None` where it is not running.
///
/// # Panics
/// Where the skip must not happen: `tests/run` has set the variable that counts skips, so the
/// backends are there.
#[must_use]
pub fn backend(variable: &str, test: &str) -> Option<String> {
    if let Ok(address) = std::env::var(variable) {
        return Some(address);
    }
    assert!(
        std::env::var_os("SLUICEGATE_TEST_SKIPS").is_none(),
        "tests/run started no backend for {variable}"
    );
    skip(test, &format!("{variable} is not set: run tests/run"));
    None
}
