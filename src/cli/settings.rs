//! Values for keys of a spec: `--set KEY=VALUE`, and words after the spec of the form `KEY=VALUE`.

use crate::spec::Override;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use std::str::FromStr;

/// What was given, in the order of the command line.
#[derive(Debug, Clone, Default)]
pub struct Settings(pub Vec<Override>);

/// Both forms, as clap names them.
const FORMS: [&str; 2] = ["set", "values"];

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let set = Arg::new(FORMS[0])
            .long("set")
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .value_parser(Override::from_str)
            .help("Put VALUE (TOML; a bare word is a string) at the dotted KEY; `unset` takes the key out of the spec; later ones win");
        let words = Arg::new(FORMS[1])
            .value_name("KEY=VALUE")
            .num_args(0..)
            .action(ArgAction::Append)
            .value_parser(word)
            .help("The same as --set KEY=VALUE");
        command.arg(set).arg(words)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut all: Vec<(usize, Override)> = Vec::new();
        for form in FORMS {
            let places = matches.indices_of(form).into_iter().flatten();
            let values = matches.get_many::<Override>(form).into_iter().flatten();
            all.extend(places.zip(values.cloned()));
        }
        all.sort_by_key(|(place, _)| *place);
        Ok(Self(all.into_iter().map(|(_, value)| value).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A word after the spec.
fn word(text: &str) -> Result<Override, String> {
    if !text.contains('=') {
        return Err(format!(
            "`{text}` is no KEY=VALUE; after the spec come values for its keys, such as train.learning_rate=3e-4 (`gdiff explain` lists the keys)"
        ));
    }
    Override::from_word(text)
}
