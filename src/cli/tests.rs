//! The command line as its users meet it.

use clap::CommandFactory;

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
