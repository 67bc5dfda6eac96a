//! Our side of `scripts/compare.sh` and `scripts/growth.sh`: each request is timed and answered by one line of JSON.
//!
//! `cargo bench --bench compare -- "train width=16" "prdc n=10000 d=2"`, or `-` for requests from standard input,
//! one a line. On all of rayon's threads, so with `RAYON_NUM_THREADS`. [`cases`] has the requests, which have defaults
//! for all their keys; `seconds` is how long to measure, `calls` how often to call instead.

mod cases;
#[path = "../common/mod.rs"]
mod common;
mod peak;
mod timing;

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::str::FromStr;
use timing::Length;

/// What to time: a name and keys with values.
pub struct Request {
    name: String,
    keys: BTreeMap<String, String>,
}

impl FromStr for Request {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let mut words = line.split_whitespace();
        let name = words.next().context("an empty request")?.to_string();
        let pair = |word: &str| match word.split_once('=') {
            Some((key, value)) => Ok((key.to_string(), value.to_string())),
            None => bail!("`{word}` of the request `{line}` is not key=value"),
        };
        Ok(Self { name, keys: words.map(pair).collect::<Result<_>>()? })
    }
}

impl Request {
    /// Takes the value of a key, or its default.
    pub fn take<T: FromStr>(&mut self, key: &str, default: T) -> Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        match self.keys.remove(key) {
            None => Ok(default),
            Some(text) => {
                text.parse().with_context(|| format!("`{key}={text}` of the request `{}`", self.name))
            }
        }
    }

    /// Refuses keys that nobody took.
    pub fn check_empty(&self) -> Result<()> {
        match self.keys.keys().next() {
            None => Ok(()),
            Some(key) => bail!("the request `{}` has no key `{key}`", self.name),
        }
    }
}

fn main() -> Result<()> {
    // `cargo bench` adds --bench, whatever it runs.
    let requests: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if requests == ["-"] {
        for line in std::io::stdin().lock().lines() {
            answer(&line?)?;
        }
    } else if requests.is_empty() {
        println!("say what to time, for example: cargo bench --bench compare -- 'train width=16'");
    }
    requests.iter().filter(|request| *request != "-").try_for_each(|request| answer(request))
}

fn answer(line: &str) -> Result<()> {
    let mut request: Request = line.parse()?;
    let seconds = request.take("seconds", 1.0)?;
    let length = match request.take("calls", 0)? {
        0 => Length::Seconds(seconds),
        calls => Length::Calls(calls),
    };
    let answer = cases::run(request, length)?;
    println!("{}", serde_json::to_string(&answer)?);
    Ok(std::io::stdout().flush()?)
}
