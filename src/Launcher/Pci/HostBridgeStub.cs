using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Launcher.Pci;

/// <summary>
/// Slot 0. Linux only believes in configuration mechanism 1 if some slot has the class of a host bridge
/// (arch/x86/pci/direct.c, pci_sanity_check); vendor 0 then keeps it from being enumerated.
/// </summary>
internal sealed class HostBridgeStub : IPciFunction
{
    private const uint HostBridgeClass = 0x06000000;

    public uint ReadConfig(int offset) => offset == PciConfig.Revision ? HostBridgeClass : 0;

    public void WriteConfig(int offset, int size, uint value)
    {
        // There is nothing behind it that could change.
    }

    public void ExchangeState(StateArchive archive)
    {
        // Likewise.
    }
}
