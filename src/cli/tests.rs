//! The command line as its users meet it.

use super::*;

fn arguments(words: &[&str]) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(std::iter::once("sluicegate").chain(words.iter().copied()))
}

#[test]
fn every_command_has_help_with_an_example() {
    let command = Arguments::command();
    command.clone().debug_assert();
    for sub in command.get_subcommands() {
        let help = sub.clone().render_long_help().to_string();
        assert!(help.contains("Example"), "{}: {help}", sub.get_name());
    }
}

#[test]
fn completions_and_the_man_page_know_every_command() {
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command())
        .render(&mut page)
        .unwrap();
    let page = String::from_utf8(page).unwrap();
    for shell in [
        clap_complete::Shell::Bash,
        clap_complete::Shell::Zsh,
        clap_complete::Shell::Fish,
    ] {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "sluicegate", &mut text);
        let text = String::from_utf8(text).unwrap();
        for sub in Arguments::command().get_subcommands() {
            assert!(text.contains(sub.get_name()), "{shell}: {}", sub.get_name());
            assert!(page.contains(sub.get_name()), "{}", sub.get_name());
        }
    }
}

#[test]
fn commands_and_flags_are_understood() {
    for words in [
        &[][..],
        &["--demo"],
        &["--http", "127.0.0.1:0", "--cores", "1"],
        &["sandbox", "a.yaml", "--demo", "--driver", "epoll"],
        &[
            "serve",
            "a.yaml",
            "b.yaml",
            "--http",
            "[::1]:80",
            "--log-format",
            "json",
        ],
        &["check", "a.yaml"],
        &[
            "try", "a.yaml", "POST /x", "--body", "-", "-H", "a: b", "-H", "c:d",
        ],
        &["test", "a.yaml"],
        &["try", "a.yaml", "curl", "http://h/x", "--json", "{}", "-s"],
        &[
            "check", "a.yaml", "--rate", "5/s", "--json", "--allow", "hot_key",
        ],
        &["completions", "zsh"],
        &["man", "--dir", "d"],
        &["schema", "--codes"],
    ] {
        assert!(
            arguments(words).is_ok(),
            "{words:?}: {:?}",
            arguments(words).err()
        );
    }
}

#[test]
fn wrong_usage_ends_with_two() {
    for words in [
        &["serve"][..],
        &["check"],
        &["serve", "a.yaml", "--cores", "0"],
        &["serve", "a.yaml", "--driver", "kqueue"],
        &["serve", "a.yaml", "--http", "nowhere"],
        &["try", "a.yaml", "POST /x", "-H", "no colon"],
        &["check", "a.yaml", "--rate", "fast"],
        &["check", "a.yaml", "--allow", "everything"],
        &["completions", "cmd.exe"],
        &["frobnicate"],
    ] {
        let ending = Ending::Usage(arguments(words).unwrap_err());
        assert_eq!(ending.code(), 2, "{words:?}");
    }
    assert_eq!(Ending::Usage(arguments(&["--help"]).unwrap_err()).code(), 0);
    assert_eq!(Ending::Misuse(String::new()).code(), 2);
    assert_eq!(Ending::Said.code(), 1);
    assert_eq!(Ending::Fault(String::new()).code(), 70);
}

#[test]
fn a_panic_is_our_fault_and_ends_with_seventy() {
    let ended = ending::guarded(|| panic!("on purpose"));
    assert_eq!(format!("{ended:?}"), format!("{:?}", ExitCode::from(70)));
    let ended = ending::guarded(|| Ok(()));
    assert_eq!(format!("{ended:?}"), format!("{:?}", ExitCode::SUCCESS));
}

#[test]
fn the_table_of_codes_has_every_code() {
    let table = schema::codes();
    for code in crate::error::Code::ALL {
        assert!(table.contains(&format!("| `{}` | {} |", code.as_str(), code.status())));
    }
    for kind in sluicegate_contract::ReasonKind::ALL {
        assert!(table.contains(&format!("| `{}` |", kind.code())));
    }
}

/// The files of `config/`: the quickstart and every example.
fn files_of_config() -> Vec<std::path::PathBuf> {
    let config = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut files = vec![config.join("quickstart.yaml")];
    for entry in std::fs::read_dir(config.join("examples")).unwrap() {
        files.push(entry.unwrap().path());
    }
    files.retain(|file| file.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    files
}

#[test]
fn every_file_of_config_is_right_and_carries_tests_that_pass() {
    let files = files_of_config();
    assert!(files.len() >= 6, "{files:?}");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let settings =
            match crate::settings::load(&[file], &crate::settings::Environment::default()) {
                Ok(settings) => settings,
                Err(diagnostics) => {
                    wrong.push(diagnostics.to_string());
                    continue;
                }
            };
        let reports = run_tests(&settings);
        assert!(reports.len() >= 2, "{name} has {} tests", reports.len());
        for report in reports
            .iter()
            .filter(|report| !report.differences.is_empty())
        {
            let differences = report.differences.join("\n");
            wrong.push(format!(
                "{name}: {}: {}:\n{differences}",
                report.route, report.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
