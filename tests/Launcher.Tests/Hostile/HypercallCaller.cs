using Iced.Intel;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>What a Guest does after a hypercall, to have some use of it.</summary>
[Flags]
internal enum AfterCall : uint
{
    None = 0,

    /// <summary>Reads at the address of the entry.</summary>
    Read = 1,

    /// <summary>Adds 1 there.</summary>
    Write = 2,

    /// <summary>Loads FS with the number of the entry.</summary>
    LoadSegment = 4,

    /// <summary>int $0x80.</summary>
    Trap = 8,

    /// <summary>Takes an interrupt if there is one: sets irq_enabled.</summary>
    Enable = 16,

    /// <summary>Queues the slot of the ring that the number of the entry says, with whatever is in it.</summary>
    Queue = 32,

    /// <summary>Loads GS from the stack, by way of a far pointer.</summary>
    FarPointer = 64,
}

/// <summary>One line of the table that the caller works through.</summary>
internal readonly record struct CallEntry(uint Eax, uint Ebx, uint Ecx, uint Edx, uint Esi, uint Address, AfterCall After, uint Number)
{
    public const int Bytes = 32;

    public void Store(Span<byte> to)
    {
        ReadOnlySpan<uint> words = [Eax, Ebx, Ecx, Edx, Esi, Address, (uint)After, Number];
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(words).CopyTo(to);
    }
}

/// <summary>Guest code that makes the hypercalls of a table, one after the other, and then runs in a circle.</summary>
internal static class HypercallCaller
{
    /// <summary>Entries of the table at <see cref="HostileLayout.Calls"/>.</summary>
    public const int Entries = 64;

    private const uint Status = HostileLayout.Data + LguestData.HcallStatus;

    public static byte[] Code { get; } = Build();

    private static byte[] Build()
    {
        var c = new Assembler(32);
        Label next = c.CreateLabel();
        c.mov(edi, HostileLayout.Calls);
        c.Label(ref next);
        c.mov(eax, __dword_ptr[edi]);
        c.mov(ebx, __dword_ptr[edi + 4]);
        c.mov(ecx, __dword_ptr[edi + 8]);
        c.mov(edx, __dword_ptr[edi + 12]);
        c.mov(esi, __dword_ptr[edi + 16]);
        c.mov(ebp, __dword_ptr[edi + 20]);
        c.@int(Vectors.Hypercall);
        c.add(edi, CallEntry.Bytes);
        When(c, AfterCall.Read, static c => c.mov(eax, __dword_ptr.ds[ebp]));
        When(c, AfterCall.Write, static c => c.inc(__dword_ptr.ds[ebp]));
        When(c, AfterCall.LoadSegment, static c => c.mov(fs, __word_ptr[edi - 4]));
        When(c, AfterCall.Trap, static c => c.@int(Vectors.Syscall));
        When(c, AfterCall.Enable, static c => c.mov(__dword_ptr[HostileLayout.Data + LguestData.IrqEnabled], LguestData.InterruptFlag));
        When(c, AfterCall.Queue, static c =>
        {
            c.mov(eax, __dword_ptr[edi - 4]);
            c.and(eax, AsyncRing.Size - 1);
            c.mov(__byte_ptr[eax + Status], 0);
        });
        When(c, AfterCall.FarPointer, static c => c.lgs(eax, __fword_ptr[edi - 8]));
        c.cmp(edi, HostileLayout.Calls + Entries * CallEntry.Bytes);
        c.jb(next);
        Label circle = c.CreateLabel();
        c.Label(ref circle);
        c.jmp(circle);
        using var stream = new MemoryStream();
        _ = c.Assemble(new StreamCodeWriter(stream), HostileLayout.Code);
        return stream.ToArray();
    }

    private static void When(Assembler c, AfterCall what, Action<Assembler> emit)
    {
        Label skip = c.CreateLabel();
        c.test(__dword_ptr[edi - 8], (uint)what);
        c.je(skip);
        emit(c);
        c.Label(ref skip);
        c.nop();
    }
}
