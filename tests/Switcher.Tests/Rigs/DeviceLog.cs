using Lguest.Jit.Core.Execution;

namespace Lguest.Jit.Switcher.Tests.Rigs;

/// <summary>Device memory that owns every address and remembers what was written.</summary>
internal sealed class DeviceLog : IDeviceMemory
{
    public List<(uint Physical, uint Value)> Writes { get; } = [];

    public bool Owns(uint physical) => true;

    public uint Read(uint physical, int size) => 0;

    public void Write(uint physical, int size, uint value) => Writes.Add((physical, value));
}
