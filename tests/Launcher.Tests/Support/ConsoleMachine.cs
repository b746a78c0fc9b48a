using System.Buffers.Binary;
using System.Text;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>RAM, bus, ports and the console in slot 1, with the words a driver needs to talk to them.</summary>
internal sealed class ConsoleMachine : IDisposable
{
    public const uint RamSize = 4 << 20;

    private readonly StringWriter _log = new();

    public ConsoleMachine()
    {
        Ram = new GuestRam(RamSize);
        Bus = new DeviceBus(RamSize);
        Console = new VirtioConsole(Ram, new DeviceLog(_log), Sink, Input) { Interrupts = Interrupts, Irq = 1 };
        Bar = Bus.Plug(Console);
        Ports = new PciHostBridge(new SerialTap(Sink));
        Ports.Plug(1, new PciDevice(VirtioConsole.VirtioId, VirtioConsole.PciClass, 1, Console, Bar, Console.ConfigSize));
    }

    public GuestRam Ram { get; }

    public DeviceBus Bus { get; }

    public PciHostBridge Ports { get; }

    public VirtioConsole Console { get; }

    public RecordingSink Sink { get; } = new();

    public RecordingInterrupts Interrupts { get; } = new();

    public ConsoleInputQueue Input { get; } = new();

    public uint Bar { get; }

    public string Log => _log.ToString();

    public VirtioStatus Status => (VirtioStatus)Read(VirtioRegister.DeviceStatus, 1);

    public uint Read(uint register, int size) => Bus.Read(Bar + register, size);

    public void Write(uint register, int size, uint value) => Bus.Write(Bar + register, size, value);

    /// <summary>Types bytes as the reader's thread does, then lets the Guest thread come by.</summary>
    public void Type(string text)
    {
        Input.Post(Encoding.Latin1.GetBytes(text));
        if (Console.HasWork)
        {
            Console.RunOnGuestThread();
        }
    }

    public ushort Word(uint address) => BinaryPrimitives.ReadUInt16LittleEndian(Ram.Window(address, 2));

    public uint DWord(uint address) => BinaryPrimitives.ReadUInt32LittleEndian(Ram.Window(address, 4));

    public void Put(uint address, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Ram.Window(address, 2), value);

    public void Dispose() => Ram.Dispose();
}
