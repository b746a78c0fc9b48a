using Iced.Intel;
using Lguest.Jit.Core.Interpreter.SystemLevel;
using Lguest.Jit.Core.Simd;

namespace Lguest.Jit.Core.Interpreter.Simd;

/// <summary>MMX, SSE and SSE2: everything in <see cref="SimdTable"/>, and what is no computation at all.</summary>
internal static unsafe class SimdLowering
{
    public static void Register(Lower?[] table)
    {
        foreach (Mnemonic mnemonic in SimdTable.Mnemonics)
        {
            // MOVSD and CMPSD have been names of string instructions since the 386.
            table[(int)mnemonic] = table[(int)mnemonic] is { } strings ? StringOr(strings) : Operation;
        }

        foreach (Mnemonic mnemonic in (Mnemonic[])[Mnemonic.Lfence, Mnemonic.Mfence, Mnemonic.Sfence])
        {
            table[(int)mnemonic] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(NoOperation)));
        }

        table[(int)Mnemonic.Comiss] = static (OpWriter w, in Instruction i) => Compare(w, in i, typeof(float), quiet: false);
        table[(int)Mnemonic.Ucomiss] = static (OpWriter w, in Instruction i) => Compare(w, in i, typeof(float), quiet: true);
        table[(int)Mnemonic.Comisd] = static (OpWriter w, in Instruction i) => Compare(w, in i, typeof(double), quiet: false);
        table[(int)Mnemonic.Ucomisd] = static (OpWriter w, in Instruction i) => Compare(w, in i, typeof(double), quiet: true);
        table[(int)Mnemonic.Emms] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(EmptyMmx)));
        table[(int)Mnemonic.Ldmxcsr] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(LoadMxcsr)));
        table[(int)Mnemonic.Stmxcsr] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(StoreMxcsr)));
        table[(int)Mnemonic.Clflush] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(FlushLine)));
        table[(int)Mnemonic.Maskmovq] = static (OpWriter w, in Instruction i) => MaskedMove(w, in i, typeof(MaskedStore<MmxFile, Size8>));
        table[(int)Mnemonic.Maskmovdqu] = static (OpWriter w, in Instruction i) => MaskedMove(w, in i, typeof(MaskedStore<XmmFile, Size16>));
    }

    /// <summary>
    /// Does our CPUID promise this instruction, of those that 32-bit code is decoded to? Later extensions have reused names (PEXTRW to memory is SSE4.1's).
    /// </summary>
    public static bool Offers(Code code)
    {
        if (code.Encoding() != EncodingKind.Legacy)
        {
            return false;
        }

        foreach (CpuidFeature feature in code.CpuidFeatures())
        {
            if (feature is not (CpuidFeature.MMX or CpuidFeature.SSE or CpuidFeature.SSE2))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The width of a memory operand, and whether it has to be aligned, as a type.</summary>
    public static Type Size(in Instruction instruction) => instruction.MemorySize.GetSize() switch
    {
        2 => typeof(Size2),
        4 => typeof(Size4),
        8 => typeof(Size8),
        _ => IsUnaligned(instruction.Mnemonic) ? typeof(Size16) : typeof(Aligned16),
    };

    public static bool IsUnaligned(Mnemonic mnemonic) => mnemonic is Mnemonic.Movups or Mnemonic.Movupd or Mnemonic.Movdqu;

    private static Lower StringOr(Lower strings) => (OpWriter w, in Instruction instruction) =>
    {
        if (instruction.IsStringInstruction)
        {
            strings(w, in instruction);
        }
        else
        {
            Operation(w, in instruction);
        }
    };

    private static void Operation(OpWriter w, in Instruction instruction)
    {
        if (!Offers(instruction.Code))
        {
            FaultLowering.InvalidOpcode(w, in instruction);
            return;
        }

        if (instruction.GetOpKind(0) == OpKind.Memory)
        {
            Type stored = instruction.Mnemonic is Mnemonic.Movhps or Mnemonic.Movhpd ? typeof(HighQuadword) : typeof(Movdqa);
            Type handler = typeof(SimdStore<,,>).MakeGenericType(stored, File(instruction.GetOpRegister(1)), Size(instruction));
            w.Emit(HandlerBinder.Plain(handler)).Source = Number(instruction.GetOpRegister(1));
            return;
        }

        Type operation = SimdTable.Find(instruction);
        Type file = File(instruction.GetOpRegister(0));
        Type source = Source(instruction, out byte register);
        ref Op op = ref w.Emit(HandlerBinder.Plain(SimdTable.Form(operation, instruction).MakeGenericType(operation, file, source)));
        op.Destination = Number(instruction.GetOpRegister(0));
        op.Source = register;
        int last = instruction.OpCount - 1;
        if (instruction.GetOpKind(last) == OpKind.Immediate8)
        {
            op.Immediate = instruction.Immediate8;
        }
    }

    /// <summary>The second operand. Shifts by an immediate have none: their register stands in.</summary>
    private static Type Source(in Instruction instruction, out byte register)
    {
        register = 0;
        if (instruction.GetOpKind(1) == OpKind.Memory)
        {
            return typeof(MemorySource<>).MakeGenericType(Size(instruction));
        }

        Register name = instruction.GetOpRegister(instruction.GetOpKind(1) == OpKind.Register ? 1 : 0);
        register = Number(name);
        return typeof(RegisterSource<>).MakeGenericType(File(name));
    }

    private static void Compare(OpWriter w, in Instruction instruction, Type format, bool quiet)
    {
        Type source = Source(instruction, out byte register);
        ref Op op = ref w.Emit(HandlerBinder.Plain(typeof(OrderedCompareInstruction<,>).MakeGenericType(format, source)));
        op.Destination = Number(instruction.GetOpRegister(0));
        op.Source = register;
        op.Immediate = quiet ? 1u : 0;
    }

    /// <summary>To DS:EDI, or another segment.</summary>
    private static void MaskedMove(OpWriter w, in Instruction instruction, Type handler)
    {
        ref Op op = ref w.Emit(HandlerBinder.Plain(handler));
        op.Base = OpWriter.Offset(Iced.Intel.Register.EDI);
        op.Segment = (byte)OpWriter.SegmentNumber(instruction.MemorySegment);
        op.Destination = Number(instruction.GetOpRegister(1));
        op.Source = Number(instruction.GetOpRegister(2));
        if (instruction.GetOpKind(0) == OpKind.MemorySegDI)
        {
            op.Traits |= OpTraits.Address16;
        }
    }

    private static Type File(Register register) =>
        register.IsXMM() ? typeof(XmmFile) : register.IsMM() ? typeof(MmxFile) : typeof(GeneralFile);

    private static byte Number(Register register) => OpWriter.IsGeneral(register) ? OpWriter.Offset(register) : (byte)register.GetNumber();
}
