using Iced.Intel;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Emit;

/// <summary>Which accesses of a region are likely to meet the same stretch of memory: those off the same register, for the same purpose.</summary>
/// <param name="Anchor">Number of the base register; 8 + number of the index register if there is no base; −1 − page of an absolute address.</param>
/// <param name="Write">For stores (and read-modify-writes); the stack has one class for all.</param>
internal readonly record struct AccessClass(int Anchor, bool Write)
{
    /// <summary>The class of pushes, pops, and whatever is addressed off ESP.</summary>
    public static AccessClass Stack { get; } = new(Reg.Esp, Write: true);

    public bool IsStack => Anchor == Reg.Esp;

    /// <summary>The class of an address.</summary>
    public static AccessClass Of(AddressForm form, bool write)
    {
        if (form.Base == Reg.Esp)
        {
            return Stack;
        }

        int anchor = form.Base >= 0 ? form.Base : form.Index >= 0 ? 8 + form.Index : -1 - (int)((uint)form.Displacement >> 12);
        return new AccessClass(anchor, write);
    }

    /// <summary>Does the instruction write its memory operand number <paramref name="operand"/>, or might it?</summary>
    public static bool IsWritten(in Instruction i, int operand) =>
        operand == 0 && i.Mnemonic is not (Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Push or Mnemonic.Call or Mnemonic.Jmp
            or Mnemonic.Mul or Mnemonic.Div or Mnemonic.Idiv or Mnemonic.Imul or Mnemonic.Bt)
        && !IsX87Load(i.Mnemonic);

    private static bool IsX87Load(Mnemonic mnemonic) => mnemonic
        is Mnemonic.Fld or Mnemonic.Fild or Mnemonic.Fbld or Mnemonic.Fldcw or Mnemonic.Fcom or Mnemonic.Fcomp or Mnemonic.Ficom or Mnemonic.Ficomp
        or Mnemonic.Fadd or Mnemonic.Fmul or Mnemonic.Fsub or Mnemonic.Fsubr or Mnemonic.Fdiv or Mnemonic.Fdivr
        or Mnemonic.Fiadd or Mnemonic.Fimul or Mnemonic.Fisub or Mnemonic.Fisubr or Mnemonic.Fidiv or Mnemonic.Fidivr;
}

/// <summary>A memory operand's address: base + index × 2^scale + displacement, modulo 2^32.</summary>
/// <param name="Base">Number of the base register, or −1.</param>
/// <param name="Index">Number of the index register, or −1.</param>
/// <param name="Scale">0 to 3.</param>
/// <param name="Displacement">Signed.</param>
internal readonly record struct AddressForm(int Base, int Index, int Scale, int Displacement)
{
    /// <summary>The address of the (one, plain) memory operand.</summary>
    public static AddressForm Of(in Instruction i) => new(
        i.MemoryBase == Register.None ? -1 : RegionContext.RegisterNumber(i.MemoryBase),
        i.MemoryIndex == Register.None ? -1 : RegionContext.RegisterNumber(i.MemoryIndex),
        System.Numerics.BitOperations.Log2((uint)i.MemoryIndexScale),
        (int)i.MemoryDisplacement32);

    /// <summary>Known when the code is emitted.</summary>
    public bool IsAbsolute => Base < 0 && Index < 0;

    /// <summary>Relative to a register.</summary>
    public static AddressForm Off(int register, int displacement) => new(register, -1, 0, displacement);

    /// <summary>May the two differ in nothing but their displacement?</summary>
    public bool IsOffTheSame(AddressForm other) => Base == other.Base && Index == other.Index && Scale == other.Scale;
}
