//! `gdiff man`

use super::{Cli, Failure, print};
use crate::store::atomic;
use clap::{Args, Command, CommandFactory};
use std::path::PathBuf;

/// `gdiff man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder for the pages of all commands: gdiff.1, gdiff-run.1, .. [default: the first of them on standard output]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages).map_err(|e| Failure::running(format!("a page cannot be made: {e}")))?;
    let Some(folder) = &args.dir else {
        let text = pages.first().map(|(_, page)| String::from_utf8_lossy(page)).unwrap_or_default();
        return print(&text);
    };
    std::fs::create_dir_all(folder)
        .map_err(|e| Failure::running(format!("cannot make the folder {}: {e}", folder.display())))?;
    for (name, page) in &pages {
        atomic::write(&folder.join(name), |out| out.write_all(page))?;
    }
    print(&format!("{} pages in {}\n", pages.len(), folder.display()))
}

/// The pages of a command and of those within it, each under the name of its file.
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.push((page.get_filename(), text));
    command.get_subcommands().filter(|inner| !inner.is_hide_set()).try_for_each(|inner| collect(inner, pages))
}
