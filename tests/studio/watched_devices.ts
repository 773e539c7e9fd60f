/**
 * What the worker's devices do, for tests that look into them, and what they are kept from: `globalThis.watched`. Loaded
 * before the engine.
 */
interface Watched {
  /** The devices that were opened, the last one last. */
  readonly devices: GPUDevice[];
  /** What the compiler says of each module, one after the other. */
  readonly compilations: Promise<readonly string[]>[];
  /** Pipelines that were made. */
  pipelines: number;
  /** Bytes of the buffers that are alive, of all devices. */
  bytes: number;
  /** Limits that devices get in place of those that are asked for. */
  limits: Record<string, number>;
}

const watched: Watched = { devices: [], compilations: [], pipelines: 0, bytes: 0, limits: {} };
Object.assign(globalThis, { watched });

if ("GPUAdapter" in globalThis) {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> {
    const requiredLimits = { ...descriptor?.requiredLimits, ...watched.limits };
    const device = await requestDevice.call(this, { ...descriptor, requiredLimits });
    watched.devices.push(device);
    return device;
  };

  const { createBuffer, createComputePipeline, createShaderModule } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  const alive = new WeakSet<GPUBuffer>();
  GPUDevice.prototype.createBuffer = function (descriptor: GPUBufferDescriptor): GPUBuffer {
    const buffer = createBuffer.call(this, descriptor);
    alive.add(buffer);
    watched.bytes += buffer.size;
    return buffer;
  };
  GPUBuffer.prototype.destroy = function (): undefined {
    if (alive.delete(this)) watched.bytes -= this.size;
    destroy.call(this);
    return undefined;
  };
  GPUDevice.prototype.createComputePipeline = function (descriptor: GPUComputePipelineDescriptor): GPUComputePipeline {
    watched.pipelines++;
    return createComputePipeline.call(this, descriptor);
  };
  GPUDevice.prototype.createShaderModule = function (descriptor: GPUShaderModuleDescriptor): GPUShaderModule {
    const module = createShaderModule.call(this, descriptor);
    watched.compilations.push(
      module.getCompilationInfo().then(({ messages }) =>
        messages.map(({ type, lineNum, message }) => `${descriptor.label}:${lineNum}: ${type}: ${message}`)
      ),
    );
    return module;
  };
}
