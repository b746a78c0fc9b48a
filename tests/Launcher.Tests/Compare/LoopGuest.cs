using Iced.Intel;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Switcher;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tests.Compare;

/// <summary>
/// A Guest that goes round in blocks which are each good for one kind of fault: flags, high bytes, XMM registers, stores, faults, rewritten code, a timer.
/// Ring 1, linear mode.
/// </summary>
internal sealed class LoopGuest
{
    public const uint Memory = 4 << 20;
    public const uint Entry = 0x100000;
    public const uint Data = 0x140000;
    public const uint Variables = 0x150000;
    public const uint IrqEnabled = Data + LguestData.IrqEnabled;

    private const uint Stack = 0x160000;
    private const uint Message = 0x141000;

    /// <summary>No Guest has anything here: a page fault.</summary>
    private const uint Nowhere = 0xFFD00000;

    private const int FaultingBytes = 5;

    /// <summary>The block that is rewritten stands alone in its page: <c>mov edx, imm; add esi, edx; jmp back</c>.</summary>
    public const uint RewrittenCode = 0x120000;

    public const uint RewrittenOperand = RewrittenCode + 1;

    private readonly byte[] _code;

    public LoopGuest(uint rounds = 6000)
    {
        var c = new Assembler(32);
        Label fault = c.CreateLabel();
        Label timer = c.CreateLabel();
        Label iret = c.CreateLabel();
        Label round = c.CreateLabel();
        Label[] blocks = [.. Enumerable.Range(0, 8).Select(_ => c.CreateLabel())];
        Label skip = c.CreateLabel();

        // lguest_data, gates for #PF and IRQ 0 (filled in below, since labels are not constants), the timer.
        c.mov(esp, Stack);
        Hypercall(c, HypercallNumbers.LguestInit, Data);
        LoadGate(c, Vectors.PageFault, 0x8F00);
        LoadGate(c, Vectors.FirstExternal, 0x8E00);
        c.mov(__dword_ptr[IrqEnabled], 0x200);
        c.mov(__dword_ptr[Data + LguestData.BlockedInterrupts], 0);
        Hypercall(c, HypercallNumbers.SetClockevent, 20_000);
        c.mov(__dword_ptr[Variables + 0x500], 0x1F80);
        c.mov(ebp, rounds);
        c.xor(esi, esi);
        c.mov(ebx, 0x12345678);
        c.xor(ecx, ecx);
        c.xor(edx, edx);

        c.Label(ref round);
        c.jmp(blocks[0]);

        // Flags: a carry now and then, which the second instruction takes.
        c.Label(ref blocks[0]);
        c.add(esi, ebx);
        c.adc(ecx, 0);
        c.rol(ebx, 3);
        c.jmp(blocks[1]);

        // A high byte.
        c.Label(ref blocks[1]);
        c.mov(edx, esi);
        c.mov(dh, cl);
        c.xor(ebx, edx);
        c.jmp(blocks[6]);

        // XMM registers, and the inexact flag in MXCSR.
        c.Label(ref blocks[6]);
        c.ldmxcsr(__dword_ptr[Variables + 0x500]);
        c.movd(xmm0, esi);
        c.paddd(xmm1, xmm0);
        c.cvtsi2ss(xmm2, ebx);
        c.pxor(xmm1, xmm2);
        c.jmp(blocks[2]);

        // A byte in memory.
        c.Label(ref blocks[2]);
        c.mov(eax, ebp);
        c.and(eax, 0xFF);
        c.mov(__byte_ptr[eax + Variables], cl);
        c.mov(__byte_ptr[Variables + 0x200], 5);
        c.jmp(blocks[3]);

        // Every 16th round: a store that faults, and one behind it.
        c.Label(ref blocks[3]);
        c.test(ebp, 15);
        c.jne(blocks[5]);
        c.Label(ref blocks[4]);
        c.mov(eax, ebp);
        c.mov(__dword_ptr[Nowhere], eax);
        c.mov(__dword_ptr[Variables + 0x300], eax);
        c.jmp(blocks[5]);

        // Every 64th round: new code.
        c.Label(ref blocks[5]);
        c.test(ebp, 63);
        c.jne(skip);
        c.mov(eax, ebp);
        c.mov(__byte_ptr[RewrittenOperand], al);
        c.Label(ref skip);
        c.jmp(RewrittenCode);

        // Back from there.
        c.Label(ref blocks[7]);
        c.dec(ebp);
        c.jne(round);

        Hypercall(c, HypercallNumbers.Shutdown, Message, HypercallNumbers.ShutdownPoweroff);

        // #PF: the faulting instruction is passed over, and what the second store wrote is noted.
        c.Label(ref fault);
        c.push(eax);
        c.mov(eax, __dword_ptr[Variables + 0x300]);
        c.add(__dword_ptr[Variables + 0x304], eax);
        c.inc(__dword_ptr[Variables + 0x308]);
        c.pop(eax);
        c.add(__dword_ptr[esp + 4], FaultingBytes);
        c.add(esp, 4);
        c.iretd();

        // IRQ 0: notes where it came from and sets the timer again. Ends as Linux's lguest_iret does.
        c.Label(ref timer);
        c.push(eax);
        c.push(ebx);
        c.mov(eax, __dword_ptr[esp + 8]);
        c.add(__dword_ptr[Variables + 0x400], eax);
        c.inc(__dword_ptr[Variables + 0x404]);
        Hypercall(c, HypercallNumbers.SetClockevent, 20_000);
        c.pop(ebx);
        c.pop(eax);
        c.push(__dword_ptr[esp + 8]);
        c.pop(__dword_ptr[IrqEnabled]);
        c.Label(ref iret);
        c.iretd();

        using var stream = new MemoryStream();
        AssemblerResult result = c.Assemble(new StreamCodeWriter(stream), Entry, BlockEncoderOptions.ReturnNewInstructionOffsets);
        _code = stream.ToArray();
        Fault = (uint)result.GetLabelRIP(fault);
        Timer = (uint)result.GetLabelRIP(timer);
        InterruptReturn = (uint)result.GetLabelRIP(iret);
        Flags = (uint)result.GetLabelRIP(blocks[0]);
        HighByte = (uint)result.GetLabelRIP(blocks[1]);
        Vector = (uint)result.GetLabelRIP(blocks[6]);
        MemoryByte = (uint)result.GetLabelRIP(blocks[2]);
        Stores = (uint)result.GetLabelRIP(blocks[4]);
        Back = (uint)result.GetLabelRIP(blocks[7]);
    }

    /// <summary>The handlers.</summary>
    public uint Fault { get; }

    public uint Timer { get; }

    public uint InterruptReturn { get; }

    /// <summary>Blocks.</summary>
    public uint Flags { get; }

    public uint HighByte { get; }

    public uint Vector { get; }

    public uint MemoryByte { get; }

    public uint Stores { get; }

    public uint Back { get; }

    public LoadedKernel Load(GuestRam ram)
    {
        byte[] data = new byte[LguestData.Size];
        data.AsSpan((int)LguestData.HcallStatus, 64).Fill(0xFF);
        BitConverter.TryWriteBytes(data.AsSpan((int)LguestData.NoirqIret), InterruptReturn);
        BitConverter.TryWriteBytes(data.AsSpan((int)LguestData.KernelAddress), 0xC0000000);
        BitConverter.TryWriteBytes(data.AsSpan((int)LguestData.SyscallVec), 0x80);
        var far = new Assembler(32);
        far.mov(edx, 0x11);
        far.add(esi, edx);
        far.jmp(Back);
        using var stream = new MemoryStream();
        far.Assemble(new StreamCodeWriter(stream), RewrittenCode);
        byte[] code = _code.ToArray();
        PatchGates(code);
        Assert.True(ram.TryWrite(Data, data));
        Assert.True(ram.TryWrite(Message, "Power down\0"u8));
        Assert.True(ram.TryWrite(RewrittenCode, stream.ToArray()));
        Assert.True(ram.TryWrite(Entry, code));
        return new LoadedKernel("loop", Entry, Memory);
    }

    /// <summary>Replaces code, which must be there, by other code of the same length.</summary>
    public static bool Replace(byte[] code, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        Assert.Equal(from.Length, to.Length);
        int at = code.AsSpan().IndexOf(from);
        if (at >= 0)
        {
            to.CopyTo(code.AsSpan(at));
        }

        return at >= 0;
    }

    private static void Hypercall(Assembler c, uint number, uint first = 0, uint second = 0)
    {
        c.mov(eax, number);
        c.mov(ebx, first);
        c.mov(ecx, second);
        c.xor(edx, edx);
        c.@int((byte)Vectors.Hypercall);
    }

    /// <summary>Handlers are not known yet: markers stand in for the two halves of their addresses.</summary>
    private static void LoadGate(Assembler c, int vector, uint flags)
    {
        c.mov(eax, HypercallNumbers.LoadIdtEntry);
        c.mov(ebx, vector);
        c.mov(ecx, 0xA5A50000u | (uint)vector);
        c.mov(edx, 0x5A5A0000u | flags);
        c.@int((byte)Vectors.Hypercall);
    }

    private void PatchGates(byte[] code)
    {
        foreach ((int vector, uint handler, uint flags) in new[] { (Vectors.PageFault, Fault, 0x8F00u), (Vectors.FirstExternal, Timer, 0x8E00u) })
        {
            Assert.True(Replace(code, BitConverter.GetBytes(0xA5A50000u | (uint)vector), BitConverter.GetBytes(handler & 0xFFFF)));
            Assert.True(Replace(code, BitConverter.GetBytes(0x5A5A0000u | flags), BitConverter.GetBytes((handler & 0xFFFF0000) | flags)));
        }
    }
}
