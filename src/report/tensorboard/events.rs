//! The format of TensorBoard's event files.
//!
//! An event file is a sequence of TFRecords (length, masked CRC-32C of the length, bytes, masked CRC-32C of
//! the bytes), each an `Event` message of `tensorflow/core/util/event.proto`: `wall_time` (1, double),
//! `step` (2, varint), `file_version` (3, string), `summary` (5) of values (1) with `tag` (1, string) and
//! `simple_value` (2, float). Three of protobuf's four encodings in a handful of lines need no generator.
//!
//! The HParams tab finds a run by two values without a scalar, whose `metadata` (9) holds bytes for the plugin `hparams`
//! (`tensorboard/plugins/hparams/plugin_data.proto`): at the beginning pipeline, replicate and the values of the sweep's
//! keys, numbers as numbers; at the end how the run ended.

use crate::store::{LossRow, MetricsRow, TrainingMetricsRow};
use serde_json::Value;
use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime};

/// Longest time that events wait in memory.
const FLUSH: Duration = Duration::from_secs(1);

/// The first bytes of protobuf fields: number and encoding.
const WALL_TIME: u8 = 0x09;
const STEP: u8 = 0x10;
const FILE_VERSION: u8 = 0x1a;
const SUMMARY: u8 = 0x2a;
const VALUE: u8 = 0x0a;
const TAG: u8 = 0x0a;
const SIMPLE_VALUE: u8 = 0x15;

/// Of the value of a plugin: a tensor of one zero, and the plugin's bytes.
const TENSOR: u8 = 0x42;
const METADATA: u8 = 0x4a;
const ONE_ZERO: [u8; 14] = [0x08, 1, 0x12, 4, 0x12, 2, 0x08, 1, 0x2a, 4, 0, 0, 0, 0];
const PLUGIN_DATA: u8 = 0x0a;
const PLUGIN_NAME: u8 = 0x0a;
const CONTENT: u8 = 0x12;
/// `data_class` (4): a tensor.
const IS_TENSOR: [u8; 2] = [0x20, 2];

/// Of the data of the plugin.
const SESSION_START: u8 = 0x1a;
const SESSION_END: u8 = 0x22;
const HPARAMS: u8 = 0x0a;
const MAP_KEY: u8 = 0x0a;
const MAP_VALUE: u8 = 0x12;
const STATUS: u8 = 0x08;
/// How a run ended.
pub(super) const SUCCESS: u64 = 1;
pub(super) const FAILURE: u64 = 2;
/// Of `google.protobuf.Value`.
const NUMBER: u8 = 0x11;
const TEXT: u8 = 0x1a;
const SWITCH: u8 = 0x20;

/// Bytes of a record before its event (length, checksum) and behind it (checksum), and of the time in the event.
const BEFORE: usize = 12;
const BEHIND: usize = 4;
const TIME: usize = 9;

/// An event file that is being written.
#[derive(Debug)]
pub(super) struct Events<W: Write> {
    /// Where the events go.
    pub(super) out: W,
    flushed: Instant,
}

impl<W: Write> Events<W> {
    /// Begins a file.
    pub(super) fn begin(out: W) -> io::Result<Self> {
        let mut events = Self { out, flushed: Instant::now() };
        let mut version = vec![];
        field(&mut version, FILE_VERSION, b"brain.Event:2");
        events.record(&version)?;
        Ok(events)
    }

    /// Scalars of one step; those that are not known are left out.
    fn scalars(&mut self, step: usize, values: &[(&str, Option<f64>)]) -> io::Result<()> {
        let mut summary = vec![];
        for (tag, value) in values {
            let Some(value) = value else { continue };
            let mut one = vec![];
            field(&mut one, TAG, tag.as_bytes());
            one.push(SIMPLE_VALUE);
            one.extend((*value as f32).to_le_bytes());
            field(&mut summary, VALUE, &one);
        }
        let mut event = vec![STEP];
        varint(&mut event, step as u64);
        field(&mut event, SUMMARY, &summary);
        self.record(&event)?;
        if self.flushed.elapsed() > FLUSH {
            self.out.flush()?;
            self.flushed = Instant::now();
        }
        Ok(())
    }

    /// An event as a TFRecord, with the time of day.
    fn record(&mut self, event: &[u8]) -> io::Result<()> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut bytes = vec![WALL_TIME];
        bytes.extend(now.as_secs_f64().to_le_bytes());
        bytes.extend(event);
        let length = (bytes.len() as u64).to_le_bytes();
        for bytes in [&length[..], &masked_crc(&length), &bytes, &masked_crc(&bytes)] {
            self.out.write_all(bytes)?;
        }
        Ok(())
    }

    /// Bytes for the plugin `hparams`.
    fn hparams(&mut self, tag: &str, content: &[u8]) -> io::Result<()> {
        let (mut plugin, mut metadata, mut one, mut summary, mut event) =
            (vec![], vec![], vec![], vec![], vec![]);
        field(&mut plugin, PLUGIN_NAME, b"hparams");
        field(&mut plugin, CONTENT, content);
        field(&mut metadata, PLUGIN_DATA, &plugin);
        metadata.extend(IS_TENSOR);
        field(&mut one, TAG, tag.as_bytes());
        field(&mut one, TENSOR, &ONE_ZERO);
        field(&mut one, METADATA, &metadata);
        field(&mut summary, VALUE, &one);
        field(&mut event, SUMMARY, &summary);
        self.record(&event)
    }

    /// The beginning of a session: what the run is.
    pub(super) fn session_start(&mut self, hparams: &[(String, Value)]) -> io::Result<()> {
        let (mut start, mut content) = (vec![], vec![]);
        for (name, value) in hparams {
            let (mut entry, mut bytes) = (vec![], vec![]);
            match value {
                Value::Null => continue,
                Value::Bool(on) => bytes.extend([SWITCH, u8::from(*on)]),
                Value::Number(number) => {
                    bytes.push(NUMBER);
                    bytes.extend(number.as_f64().unwrap_or(f64::NAN).to_le_bytes());
                }
                other => field(&mut bytes, TEXT, other.as_str().unwrap_or_default().as_bytes()),
            }
            field(&mut entry, MAP_KEY, name.as_bytes());
            field(&mut entry, MAP_VALUE, &bytes);
            field(&mut start, HPARAMS, &entry);
        }
        field(&mut content, SESSION_START, &start);
        self.hparams("_hparams_/session_start_info", &content)
    }

    /// The end of a session.
    pub(super) fn session_end(&mut self, status: u64) -> io::Result<()> {
        let (mut end, mut content) = (vec![STATUS], vec![]);
        varint(&mut end, status);
        field(&mut content, SESSION_END, &end);
        self.hparams("_hparams_/session_end_info", &content)
    }

    /// The terms of the loss at an iteration.
    pub(super) fn loss(&mut self, row: &LossRow) -> io::Result<()> {
        let values = [
            ("train/loss", Some(row.loss)),
            ("train/mse", Some(row.mse)),
            ("train/isotropy", Some(row.isotropy)),
            ("train/optimal", row.optimal),
        ];
        self.scalars(row.iteration, &values)
    }

    /// The samples of a network while it trains.
    pub(super) fn training_metrics(&mut self, row: &TrainingMetricsRow) -> io::Result<()> {
        self.scored("train", row.iteration, row.metrics())
    }

    /// The points after a reverse step.
    pub(super) fn metrics(&mut self, row: &MetricsRow) -> io::Result<()> {
        self.scored("sample", row.step, row.metrics())
    }

    fn scored<'a>(
        &mut self,
        stage: &str,
        step: usize,
        values: impl Iterator<Item = (&'a str, Option<f64>)>,
    ) -> io::Result<()> {
        let named: Vec<(String, Option<f64>)> =
            values.map(|(name, value)| (format!("{stage}/{name}"), value)).collect();
        let values: Vec<(&str, Option<f64>)> = named.iter().map(|(name, v)| (name.as_str(), *v)).collect();
        self.scalars(step, &values)
    }
}

/// The events of a file without their times, one after the other, up to where the file breaks off or is damaged; and
/// whether it is whole.
pub(super) fn without_times(mut bytes: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut events = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
        let count = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let end = count.saturating_add(BEFORE);
        let whole = rest.starts_with(&masked_crc(length))
            && count >= TIME
            && bytes
                .get(end..end.saturating_add(BEHIND))
                .is_some_and(|crc| crc == masked_crc(&bytes[BEFORE..end]));
        if !whole {
            return (events, false);
        }
        events.push(&bytes[BEFORE + TIME..end]);
        bytes = &bytes[end + BEHIND..];
    }
    (events, bytes.is_empty())
}

/// A length-delimited field.
fn field(out: &mut Vec<u8>, key: u8, bytes: &[u8]) {
    out.push(key);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Seven bits a byte, the lowest first.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// TFRecord's CRC-32C: turned by 15 bits, plus a constant.
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_tfrecord() {
        // CRC-32C of "123456789" is 0xe3069283 (RFC 3720); masked as in tensorflow/core/lib/hash/crc32c.h.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        let expected = 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(u32::from_le_bytes(masked_crc(b"123456789")), expected);
    }

    #[test]
    fn a_file_that_broke_off_is_told_from_a_whole_one() {
        let mut events = Events::begin(Vec::new()).unwrap();
        let row = LossRow { iteration: 3, loss: 1.0, mse: 1.0, isotropy: 0.5, optimal: None };
        events.loss(&row).unwrap();
        let whole = events.out;
        let (kept, is_whole) = without_times(&whole);
        assert_eq!((kept.len(), is_whole), (2, true));
        for length in 0..whole.len() {
            assert!(without_times(&whole[..length]) != without_times(&whole), "{length} bytes");
        }
        for byte in (0..whole.len()).filter(|byte| !(BEFORE..BEFORE + TIME).contains(byte)) {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1;
            assert!(without_times(&flipped) != without_times(&whole), "byte {byte}");
        }
    }

    #[test]
    fn numbers_are_protobuf_varints() {
        let bytes = |value| {
            let mut out = Vec::new();
            varint(&mut out, value);
            out
        };
        assert_eq!((bytes(1), bytes(127), bytes(150)), (vec![1], vec![127], vec![0x96, 0x01]));
    }
}
