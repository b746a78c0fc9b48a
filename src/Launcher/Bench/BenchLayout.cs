namespace Lguest.Jit.Launcher.Bench;

/// <summary>Where the benchmark Guest keeps what. Virtual is physical, but for the pages that are faulted in.</summary>
internal static class BenchLayout
{
    public const uint MemoryNeeded = 8 << 20;
    public const uint Load = 0x00100000;

    /// <summary>The descriptor tables of a bare PC.</summary>
    public const uint Gdt = 0x00130000;
    public const uint Idt = 0x00131000;
    public const uint Tss = 0x00132000;

    /// <summary>Where the Guest on a bare PC, which is the only one to know exactly, notes what time it was: two time-stamps.</summary>
    public const uint Stamps = 0x00133000;
    public const uint StampBytes = 2 * 8;

    public const uint LguestData = 0x00140000;

    /// <summary>Timer latencies in nanoseconds, one word each.</summary>
    public const uint Latencies = 0x00142000;

    public const uint BootStackTop = 0x00150000;
    public const uint TrapStackTop = 0x00160000;
    public const uint UserStackTop = 0x00170000;

    public const uint Directories = 0x00200000;
    public const uint DirectoryCount = 3;
    public const uint Tables = 0x00210000;

    /// <summary>The table of the pages that fault.</summary>
    public const uint FaultTable = 0x00220000;

    /// <summary>Virtual address of the first of them.</summary>
    public const uint FaultArea = 0x00400000;
    public const uint FaultPages = 256;

    /// <summary>Frames for them.</summary>
    public const uint FaultFrames = 0x00300000;

    /// <summary>How many timer interrupts are timed.</summary>
    public const uint LatencySamples = 400;

    /// <summary>Nanoseconds that the timer is set for.</summary>
    public const uint LatencyDelta = 200_000;

    public const ushort MarkPort = 0xE9;
    public const byte MarkBegin = (byte)'B';
    public const byte MarkEnd = (byte)'E';
    public const byte MarkLast = (byte)'X';

    /// <summary>isa-debug-exit of other emulators; here the status of a power-off.</summary>
    public const ushort ExitPort = 0xF4;

    public const byte SyscallVector = 0x80;

    /// <summary>The Guest's own way of saying something to its kernel: a trap gate that is not measured.</summary>
    public const byte ControlVector = 5;
}
