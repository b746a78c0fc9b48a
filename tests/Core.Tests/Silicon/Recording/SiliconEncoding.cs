namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>One encoding of a form: bytes in a slot, and what the maker of inputs has to know about its operands.</summary>
internal sealed class SiliconEncoding
{
    /// <summary>Operand size of the form in bytes.</summary>
    public required int Size { get; init; }

    /// <summary>Number among the encodings of its form.</summary>
    public required int Variant { get; init; }

    /// <summary>The whole slot, <see cref="SiliconLayout.SlotSize"/> bytes, stoppers and all.</summary>
    public required byte[] Slot { get; init; }

    /// <summary>Bytes of the instruction(s) under test.</summary>
    public required int Length { get; init; }

    /// <summary>Virtual address of the slot.</summary>
    public required uint Address { get; init; }

    public uint Entry => Address + SiliconLayout.EntryOffset;

    /// <summary>Virtual address of the window of the form's layout.</summary>
    public required uint Window { get; init; }

    /// <summary>The ModRM register operand, or −1.</summary>
    public required int Reg { get; init; }

    /// <summary>The ModRM r/m operand if it is a register, else −1.</summary>
    public required int Rm { get; init; }

    public required MemoryOperand? Memory { get; init; }

    /// <summary>The immediate as it is encoded, zero-extended.</summary>
    public required uint Immediate { get; init; }

    /// <summary>Offset of the stack pointer in the window, or −1: esp is as random as the rest.</summary>
    public required int StackOffset { get; init; }

    /// <summary>Offset of the memory operand in the window.</summary>
    public int MemoryOffset => (int)(Memory!.Target - Window);

    public ReadOnlySpan<byte> Code => Slot.AsSpan(SiliconLayout.EntryOffset, Length);
}
