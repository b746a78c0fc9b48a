using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Pci;

/// <summary>The devices of one machine, plugged in: what <c>main</c> of lguest's Launcher sets up between memory and kernel.</summary>
internal sealed class MachineDevices
{
    /// <summary>Where early_put_chars (arch/x86/lguest/boot.c) looks for the console, without asking.</summary>
    private const int ConsoleSlot = 1;

    public MachineDevices(GuestMachine machine, IConsoleSink output, ConsoleInputQueue input, DeviceLog log)
    {
        Ports = new PciHostBridge(new SerialTap(output));
        Console = new VirtioConsole(machine.Ram, log, output, input);
        var bus = new DeviceBus(machine.Ram.Size);
        Plug(bus, ConsoleSlot, VirtioConsole.VirtioId, VirtioConsole.PciClass, Console);
        machine.Devices = bus;
        machine.Mmu.DeviceLimit = bus.Limit;
    }

    public PciHostBridge Ports { get; }

    public VirtioConsole Console { get; }

    /// <summary>Connects the interrupt lines.</summary>
    public void Connect(IInterruptSink interrupts) => Console.Interrupts = interrupts;

    /// <summary>Everything that the devices remember, for snapshots and to compare two machines by.</summary>
    public void ExchangeState(StateArchive archive)
    {
        Ports.ExchangeState(archive);
        Console.ExchangeState(archive);
    }

    private void Plug(DeviceBus bus, int slot, int virtioId, ushort pciClass, VirtioDevice device)
    {
        uint address = bus.Plug(device);
        device.Irq = slot;
        Ports.Plug(slot, new PciDevice(virtioId, pciClass, (byte)slot, device, address, device.ConfigSize));
    }
}
