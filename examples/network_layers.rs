//! The output of every layer of a feature network, as npy files: what a definition in another framework can be compared with.
//! The input is an npy array of f32, `(n, 3, 299, 299)` for inception, `(n, 3, 224, 224)` for resnet50.
//!
//!     cargo run --release --example network_layers -- inception|resnet50 WEIGHTS.safetensors INPUT.npy FOLDER

use candle_core::{Device, Tensor};
use gdiff::metrics::features::{InceptionNetwork, NetworkWeights, ResNet50};
use ndarray::{Array4, ArrayD};
use ndarray_npy::{read_npy, write_npy};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, weights, input, folder] = &arguments[..] else {
        return Err("give inception or resnet50, WEIGHTS.safetensors, INPUT.npy and FOLDER".into());
    };
    let weights = NetworkWeights::read(&std::fs::read(weights)?)?;
    let input: Array4<f32> = read_npy(input)?;
    let x = Tensor::from_vec(input.iter().copied().collect(), input.dim(), &Device::Cpu)?;
    let mut layers = Vec::new();
    let mut keep = |name: &str, output: &Tensor| {
        layers.push((name.to_string(), output.dims().to_vec(), output.flatten_all()?.to_vec1::<f32>()?));
        Ok(())
    };
    match network.as_str() {
        "inception" => InceptionNetwork::new(&weights, &Device::Cpu)?.forward(&x, &mut keep)?,
        "resnet50" => ResNet50::new(&weights, &Device::Cpu)?.forward(&x, &mut keep)?,
        other => return Err(format!("`{other}` is neither inception nor resnet50").into()),
    };
    for (name, shape, values) in layers {
        write_npy(Path::new(folder).join(format!("{name}.npy")), &ArrayD::from_shape_vec(shape, values)?)?;
    }
    Ok(())
}
