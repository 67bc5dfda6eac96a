//! The map of a file and the names of its axes, for the commands that use one.

use super::table_args::in_order_of;
use super::{Failure, TableArgs, refuse_as_table, refuse_input};
use crate::data::table::{axis_names, file_bytes};
use crate::report::note;
use crate::space::{Chain, Fitted, MapFile};
use crate::store::Status;
use crate::store::run_folder::read_checked;
use clap::Args;
use ndarray::Array2;
use std::path::{Path, PathBuf};

/// A map and the points that it is for.
#[derive(Debug, Args)]
pub struct MapInput {
    /// File of the fitted map
    pub map: PathBuf,
    /// Points, a column for each axis
    pub data: PathBuf,
    /// How they are read.
    #[command(flatten)]
    pub table: TableArgs,
}

impl MapInput {
    /// The map, and the points of its data's space. What will not come back of them is said.
    pub(super) fn read(&self) -> Result<(Map, Array2<f64>), Failure> {
        let map = Map::read(&self.map)?;
        let points = map.read_points(self, &map.names)?;
        for misfit in map.chain.misfits(points.view(), &map.names) {
            note(&format!("{}: {misfit}", self.data.display()));
        }
        Ok((map, points))
    }

    /// The map, and the points of its Gaussian space.
    pub(super) fn read_mapped(&self) -> Result<(Map, Array2<f64>), Failure> {
        let map = Map::read(&self.map)?;
        let points = map.read_points(self, &map.space_names)?;
        Ok((map, points))
    }

    /// Refuses to write a table over what is read, or under the name of another kind of file.
    pub(super) fn refuse_as_table(&self, out: &Path) -> Result<(), Failure> {
        refuse_as_table(out, &[&self.map, &self.data])
    }

    /// Refuses to write over what is read.
    pub(super) fn refuse_as_output(&self, out: &Path) -> Result<(), Failure> {
        refuse_input(out, &[&self.map, &self.data])
    }
}

/// A map from the data's own units to normal numbers, and the names of the axes.
pub(super) struct Map {
    pub(super) chain: Chain,
    /// The names of the data's axes.
    pub(super) names: Vec<String>,
    /// The names of the axes of Gaussian space: the same, unless there are fewer.
    pub(super) space_names: Vec<String>,
    /// Whether the names are the data's, not made up.
    named: bool,
}

impl Map {
    /// Reads the map of a file. One that does not say how its data were scaled is the Gaussianizer of a run of an earlier
    /// version; where it still lies in the run's folder, the status there says it.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let wrong = |e: &dyn std::fmt::Display| Failure::input(format!("{}: {e}", path.display()));
        let bytes = file_bytes(path).map_err(|e| wrong(&e))?;
        let MapFile { mut chain, axes, has_chain } = MapFile::read(&bytes).map_err(|e| wrong(&e))?;
        if !has_chain {
            match Self::chain_of_run(path, &bytes) {
                Some(of_run) => chain = of_run,
                None if axes.is_none() => note(&format!(
                    "{} does not say how its data were scaled: if it is the map of a run of an earlier version, its points are scaled ones; run the spec again for a map in the units of the data",
                    path.display()
                )),
                // What `gdiff gaussianize fit` wrote is of the data as they are.
                None => {}
            }
        }
        let dim = chain.dim().ok_or_else(|| wrong(&"it has no transform"))?;
        let named = axes.is_some();
        let names = axes.unwrap_or_else(|| axis_names(dim));
        let space_names = chain.axes(&names);
        Ok(Self { chain, names, space_names, named })
    }

    /// The chain of the finished run in whose folder the file of these bytes lies.
    fn chain_of_run(path: &Path, bytes: &[u8]) -> Option<Chain> {
        let folder = path.parent()?;
        let status = Status::read_done(folder)?;
        let name = path.file_name()?.to_str()?;
        let own = read_checked(folder, &status, name).ok()?;
        let mut read = |name: &str| read_checked(folder, &status, name).map_err(|e| e.to_string());
        let space = status.space.as_ref().filter(|_| own == bytes)?;
        Chain::from_files(space, &mut read).ok()
    }

    /// What the density of a point is one of, where it is not that of the columns as they are.
    pub(super) fn density_of(&self) -> String {
        let (dim, left) = (self.names.len(), self.space_names.len());
        let spread = self.chain.transforms().iter().any(|t| matches!(t, Fitted::Dequantize(_)));
        let mut of = Vec::new();
        if left < dim {
            of.push(format!("of the {left} columns that are left of {dim}"));
        }
        if spread {
            of.push("of the values with their ties spread".to_string());
        }
        if of.is_empty() { String::new() } else { format!(", {}", of.join(", ")) }
    }

    /// The points of a table: its columns in the order of the axes of these names, where they have the same.
    fn read_points(&self, input: &MapInput, names: &[String]) -> Result<Array2<f64>, Failure> {
        let whose = format!("the map of {}", input.map.display());
        in_order_of(input.table.read(&input.data)?, &input.data, (names, self.named), ("map", &whose))
    }
}
