//! The file of a map: a Gaussianizer with all that lies between it and the data, in one file, so that whoever has the
//! file can go from the data's own units and names to normal numbers and back.
//!
//! Beside the Gaussianizer's tensors lie two JSON texts as bytes: `space`, the chain of transforms as
//! [`Chain::to_json`] has it, and `axes`, the names of the axes; and the chain's matrices, `matrix-1` and on. Of a chain with several Gaussianizers each file holds
//! the others too, each under the name of its file.

use super::SpaceError;
use super::chain::Chain;
use crate::gaussianize::{Gaussianizer, attached};

/// The tensor of the chain.
const SPACE: &str = "space";
/// The tensor of the names of the axes.
const AXES: &str = "axes";

/// A map as a file has it.
#[derive(Debug)]
pub struct MapFile {
    /// From data space to normal numbers; of a file that does not say what precedes its Gaussianizer, that one alone.
    pub chain: Chain,
    /// The names of the axes, where the file has them.
    pub axes: Option<Vec<String>>,
    /// Whether the file holds the chain. Those of version 0.1 do not.
    pub has_chain: bool,
}

impl MapFile {
    /// The files of a chain whose data have axes of these names, one for each Gaussianizer, under the names that
    /// [`Chain::to_json`] gives them.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn write(chain: &Chain, axes: &[String]) -> Result<Vec<(String, Vec<u8>)>, SpaceError> {
        let json = |value: &serde_json::Value| {
            serde_json::to_vec(value).expect("numbers and words have a JSON form")
        };
        let (space, axes) = (json(&chain.to_json()), json(&axes.into()));
        let (maps, matrices) = (chain.gaussianizers(), chain.matrices());
        let file = |(name, map): &(String, &Gaussianizer)| {
            let others = maps.iter().filter(|(other, _)| other != name);
            let others = others.map(|(name, map)| Ok((name.as_str(), map.to_safetensors()?)));
            let others = others.collect::<Result<Vec<_>, SpaceError>>()?;
            let mut beside: Vec<(&str, &[u8])> = vec![(SPACE, &space), (AXES, &axes)];
            beside.extend(others.iter().map(|(name, bytes)| (*name, bytes.as_slice())));
            beside.extend(matrices.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
            Ok((name.clone(), map.to_safetensors_with(&beside)?))
        };
        maps.iter().map(file).collect()
    }

    /// The map in the bytes of a file.
    ///
    /// # Errors
    /// If they are no such file, or damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, SpaceError> {
        let map = Gaussianizer::from_safetensors(bytes)?;
        let failed = |what: &str| SpaceError::Stored(format!("its {what} is damaged"));
        let json = |name: &str| -> Result<Option<serde_json::Value>, SpaceError> {
            let text = attached(bytes, name);
            text.map(|text| serde_json::from_slice(&text).map_err(|_| failed(name))).transpose()
        };
        let axes = json(AXES)?.map(serde_json::from_value::<Vec<String>>).transpose();
        let axes = axes.map_err(|_| failed(AXES))?;
        let Some(space) = json(SPACE)? else {
            let chain = Chain::new(vec![super::Fitted::Gaussianize(map)]);
            return Self { chain, axes, has_chain: false }.checked();
        };
        // The chain's only Gaussianizer that does not lie beside is this one.
        let mut of = |name: &str| Ok(attached(bytes, name).unwrap_or_else(|| bytes.to_vec()));
        let chain = Chain::from_files(&space, &mut of)?;
        Self { chain, axes, has_chain: true }.checked()
    }

    /// There must be a name for each axis of the data.
    fn checked(self) -> Result<Self, SpaceError> {
        match self.axes.as_ref().is_none_or(|axes| Some(axes.len()) == self.chain.dim()) {
            true => Ok(self),
            false => Err(SpaceError::Stored(format!("its {AXES} is damaged"))),
        }
    }
}
