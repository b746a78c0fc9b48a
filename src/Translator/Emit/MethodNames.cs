using System.Reflection;
using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.Semantics;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;

namespace Lguest.Jit.Translator.Emit;

/// <summary>The methods that translated code calls, and where fields stand in <see cref="GuestCpu"/>.</summary>
internal static unsafe class MethodNames
{
    public static readonly MethodInfo Materialise = Find(typeof(DeferredFlags), nameof(DeferredFlags.Materialise));
    public static readonly MethodInfo Carry = Find(typeof(DeferredFlags), nameof(DeferredFlags.Carry));
    public static readonly MethodInfo ResultWord = Find(typeof(DeferredFlags), nameof(DeferredFlags.ResultWord));
    public static readonly MethodInfo AuxWord = Find(typeof(DeferredFlags), nameof(DeferredFlags.AuxWord));
    public static readonly MethodInfo ShiftedResult = Find(typeof(DeferredFlags), nameof(DeferredFlags.ShiftedResult));
    public static readonly MethodInfo ShiftedAux = Find(typeof(DeferredFlags), nameof(DeferredFlags.ShiftedAux));
    public static readonly MethodInfo DoubleShiftedResult = Find(typeof(DeferredFlags), nameof(DeferredFlags.DoubleShiftedResult));
    public static readonly MethodInfo DoubleShiftedAux = Find(typeof(DeferredFlags), nameof(DeferredFlags.DoubleShiftedAux));
    public static readonly MethodInfo ShiftLeftDouble = Find(typeof(BitValues), nameof(BitValues.ShiftLeftDouble));
    public static readonly MethodInfo ShiftRightDouble = Find(typeof(BitValues), nameof(BitValues.ShiftRightDouble));
    public static readonly MethodInfo ScanForward = Find(typeof(BitValues), nameof(BitValues.ScanForward));
    public static readonly MethodInfo ScanReverse = Find(typeof(BitValues), nameof(BitValues.ScanReverse));
    public static readonly MethodInfo AfterForwardScan = Find(typeof(BitValues), nameof(BitValues.AfterForwardScan));
    public static readonly MethodInfo AfterReverseScan = Find(typeof(BitValues), nameof(BitValues.AfterReverseScan));
    public static readonly MethodInfo ShiftedLeftCarry = Find(typeof(FlagWords), nameof(FlagWords.ShiftedLeftCarry));
    public static readonly MethodInfo ShiftedRightCarry = Find(typeof(FlagWords), nameof(FlagWords.ShiftedRightCarry));
    public static readonly MethodInfo ProductCarry = Find(typeof(FlagWords), nameof(FlagWords.ProductCarry));
    public static readonly MethodInfo WithCarry = Find(typeof(FlagWords), nameof(FlagWords.WithCarry));
    public static readonly MethodInfo AuxAlone = Find(typeof(FlagWords), nameof(FlagWords.AuxAlone));
    public static readonly MethodInfo Normalise = Find(typeof(DeferredFlags), nameof(DeferredFlags.Normalise));
    public static readonly MethodInfo NarrowAddAux = Find(typeof(FlagWords), nameof(FlagWords.NarrowAddAux));
    public static readonly MethodInfo NarrowSubAux = Find(typeof(FlagWords), nameof(FlagWords.NarrowSubAux));
    public static readonly MethodInfo WithProductLost = Find(typeof(FlagWords), nameof(FlagWords.WithProductLost));
    public static readonly MethodInfo SignedProductLost = Find(typeof(FlagWords), nameof(FlagWords.SignedProductLost));
    public static readonly MethodInfo AfterDivision = Find(typeof(FlagWords), nameof(FlagWords.AfterDivision));
    public static readonly MethodInfo AfterRol = Find(typeof(FlagWords), nameof(FlagWords.AfterRol));
    public static readonly MethodInfo AfterRor = Find(typeof(FlagWords), nameof(FlagWords.AfterRor));
    public static readonly MethodInfo Condition = Find(typeof(FlagWords), nameof(FlagWords.Holds));
    public static readonly MethodInfo InterlockedOr = typeof(Interlocked).GetMethod(nameof(Interlocked.Or), [typeof(int).MakeByRefType(), typeof(int)])!;
    public static readonly MethodInfo AddAux = Find(typeof(LazyFlags), nameof(LazyFlags.AddAux32));
    public static readonly MethodInfo SubAux = Find(typeof(LazyFlags), nameof(LazyFlags.SubAux32));
    public static readonly MethodInfo Resolve = Find(typeof(Links), nameof(Links.Resolve));
    public static readonly MethodInfo Lose = Find(typeof(Links), nameof(Links.Lose));
    public static readonly MethodInfo RefreshWindows = Find(typeof(WindowTable), nameof(WindowTable.Refresh));
    public static readonly MethodInfo Reenter = Find(typeof(BlockHead), nameof(BlockHead.Normalise));
    public static readonly MethodInfo ReturnToReenter = Find(typeof(BlockHead), nameof(BlockHead.NormaliseAndReturn));
    public static readonly MethodInfo Interpret = Find(typeof(BlockHead), nameof(BlockHead.Enter));

    public static readonly int SystemFlags = Offset(static cpu => (byte*)&cpu->SystemFlags);
    public static readonly int FlagsKind = Offset(static cpu => (byte*)&cpu->FlagsKind);
    public static readonly int FlagsA = Offset(static cpu => (byte*)&cpu->FlagsA);
    public static readonly int FlagsB = Offset(static cpu => (byte*)&cpu->FlagsB);
    public static readonly int FlagsResult = Offset(static cpu => (byte*)&cpu->FlagsResult);
    public static readonly int FlagsAux = Offset(static cpu => (byte*)&cpu->FlagsAux);
    public static readonly int Eip = Offset(static cpu => (byte*)&cpu->Eip);
    public static readonly int ReadTable = Offset(static cpu => (byte*)&cpu->ReadTable);
    public static readonly int WriteTable = Offset(static cpu => (byte*)&cpu->WriteTable);
    public static readonly int BudgetLeft = Offset(static cpu => (byte*)&cpu->BudgetLeft);
    public static readonly int Attention = Offset(static cpu => (byte*)&cpu->Attention);
    public static readonly int TlbEpoch = Offset(static cpu => (byte*)&cpu->TlbEpoch);
    public static readonly int LoopMark = Offset(static cpu => (byte*)&cpu->LoopMark);
    public static readonly int Gdt = Offset(static cpu => (byte*)cpu->Gdt);
    public static readonly int JumpCache = Offset(static cpu => (byte*)&cpu->JumpCache);
    public static readonly int Returns = Offset(static cpu => (byte*)&cpu->Returns);
    public static readonly int Mode = Offset(static cpu => (byte*)&cpu->Mode);
    public static readonly int EntryMark = Offset(static cpu => (byte*)&cpu->EntryMark);
    public static readonly int MissRecord = Offset(static cpu => (byte*)&cpu->MissRecord);
    public static readonly int MissAddress = Offset(static cpu => (byte*)&cpu->MissAddress);
    public static readonly int Ts = Offset(static cpu => (byte*)&cpu->Ts);
    public static readonly int Fpu = Offset(static cpu => (byte*)&cpu->Fpu);
    public static readonly int FpuThunks = Offset(static cpu => (byte*)&cpu->FpuThunks);
    public static readonly int Exit = Offset(static cpu => (byte*)&cpu->Exit);

    /// <summary>Offset in <see cref="Op"/> of the entry number (<see cref="BlockHead.SetTranslated"/>).</summary>
    public static readonly int EntryNumber = EntryOffset();

    private delegate byte* FieldOf(GuestCpu* cpu);

    /// <summary>Offset of a segment register's selector.</summary>
    public static int Selector(Iced.Intel.Register segment) =>
        Offset(cpu => (byte*)&GuestCpu.Segment(cpu, OpWriter.SegmentNumber(segment))->Selector);

    public static MethodInfo Find(Type type, string name) =>
        type.GetMethod(name, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic) ?? throw new MissingMethodException(type.Name, name);

    private static int Offset(FieldOf field)
    {
        GuestCpu cpu;
        return (int)(field(&cpu) - (byte*)&cpu);
    }

    private static int EntryOffset()
    {
        Op op = default;
        return (int)Unsafe.ByteOffset(ref Unsafe.As<Op, byte>(ref op), ref Unsafe.As<uint, byte>(ref op.Displacement));
    }
}
