//! `--device`: where networks live.

use super::error::RunError;
use candle_core::Device;
use std::fmt;
use std::str::FromStr;

/// The device asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// CUDA where this build and machine have it, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA device by number.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => s
                .strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| format!("`{s}` is no device; give auto, cpu, cuda or cuda:N")),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
        }
    }
}

impl DeviceChoice {
    /// Opens the device; `notice` hears of a fall-back.
    ///
    /// # Errors
    /// If CUDA was asked for by name and this build or machine has none.
    pub fn open(self, notice: &dyn Fn(&str)) -> Result<Device, RunError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto if !candle_core::utils::cuda_is_available() => Ok(Device::Cpu),
            Self::Auto => Device::new_cuda(0).or_else(|e| {
                notice(&format!("CUDA cannot be used: {}; this runs on the CPU", reason(&e)));
                Ok(Device::Cpu)
            }),
            Self::Cuda(_) if !candle_core::utils::cuda_is_available() => Err(RunError::NoCuda),
            Self::Cuda(n) => Device::new_cuda(n).map_err(|e| {
                RunError::Device(format!(
                    "CUDA device {n} cannot be used: {}; give --device cpu, or check with nvidia-smi",
                    reason(&e)
                ))
            }),
        }
    }
}

/// Why a device did not open, in one line.
fn reason(error: &candle_core::Error) -> String {
    let text = error.to_string();
    match text.contains("CUDA_ERROR_NO_DEVICE") {
        true => "this machine has no GPU, or no driver for it".to_string(),
        false => text.lines().next().unwrap_or_default().to_string(),
    }
}
