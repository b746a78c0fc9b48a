using Iced.Intel;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Loading;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>Guests of a few instructions for the Launcher to run: linear mode, no interrupts, the emergency console.</summary>
internal sealed class TinyGuest
{
    /// <summary>Where they are loaded and begin.</summary>
    public const uint Address = 0x100000;

    /// <summary>Where their strings and <c>lguest_data</c> are: far from the code.</summary>
    public const uint DataAddress = 0x180000;

    private const uint LguestDataAddress = 0x190000;

    private readonly Assembler _assembler = new(32);
    private readonly List<(uint Address, byte[] Content)> _data = [];
    private uint _nextData = DataAddress;

    public Assembler Assembler => _assembler;

    /// <summary>LGUEST_INIT with a sane structure.</summary>
    public TinyGuest Initialise()
    {
        byte[] data = new byte[1388];
        data.AsSpan(0x18, 64).Fill(0xFF);
        BitConverter.TryWriteBytes(data.AsSpan(0x560), 0xFFFFFFF0);
        BitConverter.TryWriteBytes(data.AsSpan(0x564), 0xC0000000);
        BitConverter.TryWriteBytes(data.AsSpan(0x568), 0x80);
        data[4] = 1;
        _data.Add((LguestDataAddress, data));
        return Hypercall(1, LguestDataAddress, 0, 0);
    }

    public TinyGuest Hypercall(uint number, uint ebx_, uint ecx_, uint edx_)
    {
        _assembler.mov(eax, number);
        _assembler.mov(ebx, ebx_);
        _assembler.mov(ecx, ecx_);
        _assembler.mov(edx, edx_);
        _assembler.@int(0x1F);
        return this;
    }

    /// <summary>SHUTDOWN with a message; 1 = power off or crash, 2 = restart.</summary>
    public TinyGuest Shutdown(string message, uint how = 1)
    {
        byte[] text = new byte[128];
        System.Text.Encoding.Latin1.GetBytes(message, text);
        uint at = _nextData;
        _nextData += 128;
        _data.Add((at, text));
        return Hypercall(2, at, how, 0);
    }

    public TinyGuest PowerOff() => Shutdown("Power down");

    public TinyGuest Out(ushort port, uint value)
    {
        _assembler.mov(eax, value);
        _assembler.mov(dx, port);
        _assembler.@out(dx, al);
        return this;
    }

    /// <summary>Through the UART that is not there, the shortest way to print.</summary>
    public TinyGuest Print(string text)
    {
        foreach (char c in text)
        {
            Out(0x3F8, c);
        }

        return this;
    }

    /// <summary>Prints one character for ever.</summary>
    public TinyGuest PrintForEver(char c)
    {
        Label again = _assembler.CreateLabel();
        _assembler.mov(eax, c);
        _assembler.mov(dx, 0x3F8);
        _assembler.Label(ref again);
        _assembler.@out(dx, al);
        _assembler.jmp(again);
        return this;
    }

    public TinyGuest LoopForEver()
    {
        Label here = _assembler.CreateLabel();
        _assembler.Label(ref here);
        _assembler.jmp(here);
        return this;
    }

    /// <summary>Bytes for the Guest to find in its memory.</summary>
    public TinyGuest Data(uint address, byte[] content)
    {
        _data.Add((address, content));
        return this;
    }

    /// <summary>The Guest as a kernel file.</summary>
    public byte[] ToElf()
    {
        ElfBuilder elf = new ElfBuilder { Entry = Address }.Segment(Address, Assemble());
        foreach ((uint address, byte[] content) in _data)
        {
            elf.Segment(address, content);
        }

        return elf.Build();
    }

    private byte[] Assemble()
    {
        using var code = new MemoryStream();
        _assembler.Assemble(new StreamCodeWriter(code), Address);
        return code.ToArray();
    }

    /// <summary>For <see cref="Launch"/>: the embedded Guest.</summary>
    public LoadedKernel Load(GuestRam ram)
    {
        foreach ((uint address, byte[] content) in _data)
        {
            Assert.True(ram.TryWrite(address, content));
        }

        return KernelLoader.LoadEmbedded(ram, Assemble(), Address, Address, "");
    }
}
