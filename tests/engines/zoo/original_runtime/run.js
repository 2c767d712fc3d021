// Runs a TensorFlow.js graph model with its original runtime: node run.js MODEL.json INPUT.bin DTYPE SHAPE OUTPUTS OUTDIR
// See README.md. SHAPE is "1,256,256,3"; OUTPUTS are node names with commas; each becomes OUTDIR/NAME.bin, float32.
const fs = require('fs');
const path = require('path');
const tf = require('@tensorflow/tfjs');

async function main([modelPath, inputPath, dtype, shape, outputs, outDir]) {
  await tf.setBackend('cpu');
  const artifacts = JSON.parse(fs.readFileSync(modelPath, 'utf8'));
  const weights = fs.readFileSync(modelPath.replace(/json$/, 'bin'));
  const model = await tf.loadGraphModel(tf.io.fromMemory({
    modelTopology: artifacts.modelTopology,
    signature: artifacts.signature,
    weightSpecs: artifacts.weightsManifest.flatMap((group) => group.weights),
    weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength),
  }));
  const raw = fs.readFileSync(inputPath);
  const values = new (dtype === 'int32' ? Int32Array : Float32Array)(raw.buffer, raw.byteOffset, raw.byteLength / 4);
  const input = tf.tensor(values, shape.split(',').map(Number), dtype);
  const names = outputs.split(',');
  const results = [await model.executeAsync({ [model.inputs[0].name]: input }, names)].flat();
  for (const [i, name] of names.entries()) {
    fs.writeFileSync(path.join(outDir, `${name}.bin`), Buffer.from(Float32Array.from(await results[i].data()).buffer));
  }
}

main(process.argv.slice(2));
