using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Pci;

/// <summary>
/// All I/O ports of the machine (ABI sheet §10.1; tools/lguest/lguest.c, emulate_insn): PCI configuration mechanism 1,
/// and a handful of single ports that save Linux from looking for hardware which is not there.
/// </summary>
internal sealed class PciHostBridge : IPortIo
{
    private const ushort ConfigAddress = 0xCF8;
    private const ushort ConfigData = 0xCFC;
    private const ushort KeyboardStatus = 0x64;
    private const ushort TimerChannel2 = 0x42;
    private const ushort ExitStatusPort = 0xF4;
    private const uint Enable = 1u << 31;
    private const int Slots = 32;

    private readonly IPciFunction?[] _slots = new IPciFunction?[Slots];
    private readonly SerialTap? _serial;
    private uint _latch;

    /// <param name="serial">Listens to the first UART's data port, or null.</param>
    public PciHostBridge(SerialTap? serial = null)
    {
        _serial = serial;
        _slots[0] = new HostBridgeStub();
    }

    /// <summary>
    /// The last byte the Guest wrote to port 0xF4: what its power-off is to mean to whoever waits for our exit code
    /// (design §12.11). Null: it never did.
    /// </summary>
    public byte? ExitStatus { get; private set; }

    public void Plug(int slot, IPciFunction function) => _slots[slot] = function;

    /// <summary>The bridge and all that is plugged in.</summary>
    public void ExchangeState(StateArchive archive)
    {
        archive.Field(ref _latch);
        int status = archive.Value(ExitStatus ?? -1);
        ExitStatus = status < 0 ? null : (byte)status;
        _serial?.ExchangeState(archive);
        foreach (IPciFunction? function in _slots)
        {
            function?.ExchangeState(archive);
        }
    }

    public uint In(ushort port, int size)
    {
        uint mask = Mask(size);
        return mask & port switch
        {
            >= ConfigAddress and < ConfigAddress + 4 => _latch >> (8 * (port - ConfigAddress)),
            >= ConfigData and < ConfigData + 4 => ReadConfig() >> (8 * (port & 3)),

            // "Output buffer full": a PS/2 driver drains port 0x60 sixteen times and concludes that there is no controller.
            KeyboardStatus => 1,

            // native_calibrate_cpu (≥ 4.8) would read a PIT of all ones 100,000 times before it gives up; at 0 it does at once.
            TimerChannel2 => 0,
            _ => uint.MaxValue,
        };
    }

    public void Out(ushort port, int size, uint value)
    {
        switch (port)
        {
            case >= ConfigAddress and < ConfigAddress + 4:
                int shift = 8 * (port - ConfigAddress);
                uint mask = Mask(size) << shift;
                _latch = (_latch & ~mask) | ((value << shift) & mask);
                break;
            case >= ConfigData and < ConfigData + 4:
                WriteConfig(port & 3, size, value);
                break;
            case ExitStatusPort when size == 1:
                ExitStatus = (byte)value;
                break;
            default:
                _serial?.Write(port, value);
                break;
        }
    }

    private uint ReadConfig() => Selected(out int offset)?.ReadConfig(offset) ?? uint.MaxValue;

    private void WriteConfig(int inDword, int size, uint value)
    {
        // An access that would run over the end of the data port stops there, as on the bus.
        int fits = Math.Min(size, 4 - inDword);
        if (Selected(out int offset) is { } function)
        {
            if (fits == 3)
            {
                function.WriteConfig(offset + inDword, 1, value & 0xFF);
                function.WriteConfig(offset + inDword + 1, 2, (value >> 8) & 0xFFFF);
            }
            else
            {
                function.WriteConfig(offset + inDword, fits, value & Mask(fits));
            }
        }
    }

    /// <summary>Whom the latch points to: enabled, bus 0, function 0, a populated slot, and not beyond its space.</summary>
    private IPciFunction? Selected(out int offset)
    {
        offset = (int)(_latch & 0xFC);
        bool exists = (_latch & Enable) != 0 && (_latch & 0x00FF0700) == 0 && offset < PciConfig.Size;
        return exists ? _slots[(_latch >> 11) & 31] : null;
    }

    private static uint Mask(int size) => size == 4 ? uint.MaxValue : (1u << (8 * size)) - 1;
}
