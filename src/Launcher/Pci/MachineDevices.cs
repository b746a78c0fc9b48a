using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Pci;

/// <summary>The devices of one machine, plugged in: what <c>main</c> of lguest's Launcher sets up between memory and kernel.</summary>
internal sealed class MachineDevices : IGuestThreadWork, IDisposable
{
    /// <summary>Where early_put_chars (arch/x86/lguest/boot.c) looks for the console, without asking.</summary>
    private const int ConsoleSlot = 1;

    private readonly DeviceBus _bus;
    private readonly List<VirtioDevice> _all = [];
    private readonly List<IGuestThreadWork> _working = [];

    /// <param name="machine">Whose devices they are.</param>
    /// <param name="output">Console output.</param>
    /// <param name="input">Console input.</param>
    /// <param name="log">Hears of broken drivers.</param>
    /// <param name="plug">Plugs in whatever there is beside the console; null: nothing.</param>
    public MachineDevices(GuestMachine machine, IConsoleSink output, ConsoleInputQueue input, DeviceLog log, Action<MachineDevices>? plug = null)
    {
        Machine = machine;
        Log = log;
        Ports = new PciHostBridge(new SerialTap(output));
        Console = new VirtioConsole(machine.Ram, log, output, input);
        _bus = new DeviceBus(machine.Ram.Size);
        machine.Devices = _bus;
        Plug(Console, VirtioConsole.VirtioId, VirtioConsole.PciClass);
        plug?.Invoke(this);
    }

    /// <summary>Whose they are: a device to be plugged in needs its RAM.</summary>
    public GuestMachine Machine { get; }

    /// <summary>Hears of broken drivers.</summary>
    public DeviceLog Log { get; }

    public PciHostBridge Ports { get; }

    public VirtioConsole Console { get; }

    /// <summary>All of them, by slot.</summary>
    public IReadOnlyList<VirtioDevice> All => _all;

    /// <inheritdoc/>
    public bool HasWork
    {
        get
        {
            foreach (IGuestThreadWork device in _working)
            {
                if (device.HasWork)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <inheritdoc/>
    public void RunOnGuestThread()
    {
        foreach (IGuestThreadWork device in _working)
        {
            if (device.HasWork)
            {
                device.RunOnGuestThread();
            }
        }
    }

    /// <summary>Puts a device into the next free slot, which is its interrupt line too. Before the Guest starts.</summary>
    /// <param name="device">For this machine.</param>
    /// <param name="virtioId">What it is to virtio: 2 is a block device.</param>
    /// <param name="pciClass">And to PCI: base class and subclass.</param>
    public void Plug(VirtioDevice device, int virtioId, ushort pciClass)
    {
        int slot = ConsoleSlot + _all.Count;
        uint address = _bus.Plug(device);
        device.Irq = slot;
        Ports.Plug(slot, new PciDevice(virtioId, pciClass, (byte)slot, device, address, device.ConfigSize));
        Machine.Mmu.DeviceLimit = _bus.Limit;
        _all.Add(device);
        if (device is IGuestThreadWork work)
        {
            _working.Add(work);
        }
    }

    /// <summary>Connects the interrupt lines, and those who work in other threads with ours.</summary>
    /// <param name="interrupts">Where the lines end.</param>
    /// <param name="knock">Gets the Guest thread to look at <see cref="HasWork"/>; callable from any thread.</param>
    public void Connect(IInterruptSink interrupts, Action knock)
    {
        foreach (VirtioDevice device in _all)
        {
            device.Interrupts = interrupts;
            device.Knock = knock;
        }
    }

    /// <summary>Everything that the devices remember, for snapshots and to compare two machines by.</summary>
    public void ExchangeState(StateArchive archive)
    {
        Ports.ExchangeState(archive);
        foreach (VirtioDevice device in _all)
        {
            device.ExchangeState(archive);
        }
    }

    /// <summary>The Guest has ended: nobody works in its RAM any more once this has returned. May be called twice.</summary>
    public void Dispose()
    {
        foreach (VirtioDevice device in _all)
        {
            (device as IDisposable)?.Dispose();
        }
    }
}
