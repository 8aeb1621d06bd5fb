//! The loader of settings: any text is loaded or refused, never a panic, and whatever is wrong has
//! a place in the file that can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::settings::{Environment, load_text};

fuzz_target!(|text: &str| {
    // A file may name other files; the machine's devices are not for a fuzzer.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    let environment = Environment::fixed([("NAME", "orders"), ("TOKEN", "s3cr3t-of-fuzz")]);
    match load_text("fuzzed.yaml", text, &environment) {
        Ok(settings) => assert!(!settings.targets.is_empty() || settings.routes.is_empty()),
        Err(diagnostics) => {
            assert!(
                !diagnostics.findings().is_empty(),
                "refused without a reason"
            );
            for finding in diagnostics.findings() {
                let at = finding.issue.at;
                if at.file > 0 {
                    continue;
                }
                assert!(
                    at.start <= at.end.max(at.start) && at.start <= text.len(),
                    "{finding:?}"
                );
                assert!(text.is_char_boundary(at.start), "{finding:?}");
                assert!(
                    at.end <= text.len() && text.is_char_boundary(at.end),
                    "{finding:?}"
                );
                assert!(!finding.issue.message.is_empty());
            }
            let told = diagnostics.render(false);
            assert!(!told.is_empty());
            let _ = diagnostics.render(true);
            assert!(diagnostics.json().is_array());
        }
    }
});
