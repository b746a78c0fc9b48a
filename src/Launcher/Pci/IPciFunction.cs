using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Launcher.Pci;

/// <summary>What answers configuration accesses in one slot of the bus.</summary>
internal interface IPciFunction
{
    /// <summary>Reads an aligned dword of configuration space; <paramref name="offset"/> &lt; <see cref="PciConfig.Size"/>.</summary>
    uint ReadConfig(int offset);

    /// <summary>
    /// Writes 1, 2 or 4 bytes at <paramref name="offset"/>, all within one dword. What may not be written stays as it is.
    /// </summary>
    void WriteConfig(int offset, int size, uint value);

    /// <summary>What a snapshot has to keep.</summary>
    void ExchangeState(StateArchive archive);
}
