namespace Lguest.Jit.Core.Execution;

/// <summary>Device registers above the end of Guest RAM, reached by memory accesses.</summary>
internal interface IDeviceMemory
{
    /// <summary>Is <paramref name="physical"/> (≥ RAM size) a device register? If not the Guest gets a #PF, as lguest's Launcher gives.</summary>
    bool Owns(uint physical);

    /// <summary>Reads 1, 2 or 4 bytes, zero-extended.</summary>
    uint Read(uint physical, int size);

    /// <summary>Writes the low 1, 2 or 4 bytes of <paramref name="value"/>.</summary>
    void Write(uint physical, int size, uint value);
}
