using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit.Simd;
using Lguest.Jit.Translator.FloatingPoint;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// What the emitters of one region share: the IL stream, the locals that hold Guest state, and what is known about the
/// flags at the point of emission. Guest registers that the region touches live in locals for the whole method.
/// </summary>
internal sealed partial class RegionContext
{
    private const int Temporaries = 8;
    private const int DeepestFlags = 8;

    private readonly LocalBuilder?[] _registers = new LocalBuilder?[8];
    private readonly LocalBuilder?[] _lowBytes = new LocalBuilder?[4];
    private readonly bool[] _lowByteKnown = new bool[4];
    private readonly Dictionary<LocalBuilder, LocalBuilder> _snapshots = [];
    private readonly LocalBuilder?[] _temporaries = new LocalBuilder?[Temporaries];
    private readonly List<nint> _allocations;
    private int _nextTemporary;

    public RegionContext(
        ILGenerator il, RegionPlan plan, Optimisations optimisations, IReadOnlyList<Instruction[]> code, ushort used, ushort written, X87Region x87, List<nint> allocations)
    {
        _allocations = allocations;
        Il = il;
        Plan = plan;
        Optimisations = optimisations;
        Written = written;
        for (int i = 0; i < 8; i++)
        {
            if (((used | written) & (1 << i)) != 0)
            {
                _registers[i] = il.DeclareLocal(typeof(uint));
            }
        }

        Budget = il.DeclareLocal(typeof(int));
        ReadTable = il.DeclareLocal(typeof(ulong));
        SavedA = il.DeclareLocal(typeof(uint));
        SavedB = il.DeclareLocal(typeof(uint));
        Address = il.DeclareLocal(typeof(uint));
        Wide = il.DeclareLocal(typeof(long));
        Onward = new OnwardEmitter(this);
        Exits = new ExitEmitter(this, allocations);
        Simd = new SimdRegisters(this, code.SelectMany(static block => block));
        X87 = new X87Emitter(this, x87);
        IsSlow = code.Any(static block => Array.Exists(block, static i => X87Planner.IsX87(i)));
        Spans = new CheckedSpans(this);
    }

    public ILGenerator Il { get; }

    public RegionPlan Plan { get; }

    public Optimisations Optimisations { get; }

    /// <summary>Bit n: register n may differ from memory, so every exit stores it.</summary>
    public ushort Written { get; }

    /// <summary>
    /// What is left of the slice (<see cref="Core.State.GuestCpu.BudgetLeft"/>), less <see cref="Reserve"/>: a safepoint that would make it negative does not
    /// let through. It goes on from region to region, so a loop has one counter to watch, whoever wants the Guest's attention.
    /// </summary>
    public LocalBuilder Budget { get; }

    /// <summary>
    /// Instructions of this block, and of those that lead to it and nowhere else, that <see cref="Budget"/> does not know of yet. A loop of several
    /// blocks pays once; whoever leaves takes them into account.
    /// </summary>
    public int Pending { get; set; }

    /// <summary>Does any block make use of <see cref="MarkEntry"/>?</summary>
    public bool MarksEntries { get; set; }

    /// <summary>The most instructions that can run behind a safepoint's block without asking.</summary>
    public required int Reserve { get; init; }

    /// <summary>The soft TLB's table for loads; the one for stores is a constant away.</summary>
    public LocalBuilder ReadTable { get; }

    /// <summary>Where operands of the flags are kept that have been computed.</summary>
    public LocalBuilder SavedA { get; }

    public LocalBuilder SavedB { get; }

    /// <summary>Scratch for an address.</summary>
    public LocalBuilder Address { get; }

    /// <summary>Scratch of 64 bits, for products and dividends.</summary>
    public LocalBuilder Wide { get; }

    /// <summary>Where the Host has what the access being emitted is about.</summary>
    public HostPlace Host { get; set; }

    /// <summary>The windows in use.</summary>
    public Windows Windows { get; } = new();

    /// <summary>What has been checked in this block.</summary>
    public CheckedSpans Spans { get; }

    /// <summary>
    /// A single instruction may take microseconds, as FSIN does: a slice of those would be a long time without looking up, so every safepoint
    /// asks whether somebody calls.
    /// </summary>
    public bool IsSlow { get; }

    /// <summary>XMM registers.</summary>
    public SimdRegisters Simd { get; }

    /// <summary>The ways out.</summary>
    public ExitEmitter Exits { get; }

    /// <summary>What comes behind the ways out.</summary>
    public OnwardEmitter Onward { get; }

    /// <summary>x87 instructions, and which of them wait.</summary>
    public X87Emitter X87 { get; }

    /// <summary>Where the flags are at this point.</summary>
    public FlagState Flags { get; set; } = FlagState.Dead;

    /// <summary>Will anybody look at <see cref="Flags"/>, as they are now, after registers have been overwritten?</summary>
    public bool KeepFlags { get; set; }

    /// <summary>In this region, flags that depend on the way we came always have CF in bit 31 of their second operand.</summary>
    public bool CarryNormal { get; set; }

    /// <summary>Do accesses of this block look through windows?</summary>
    public bool UseWindows { get; set; }

    /// <summary>Are accesses of this block taken to be aligned until one is seen that is not?</summary>
    public bool ExpectsAlignment { get; private set; }

    /// <summary>
    /// What stands for this region in <see cref="Core.State.GuestCpu.MissRecord"/> when an access is not aligned: a Host address that the region owns. 0: no access has to be
    /// (<see cref="TakeAlignmentRecord"/>).
    /// </summary>
    public nint AlignmentRecord { get; private set; }

    /// <summary>The instruction being emitted.</summary>
    public uint CurrentEip
    {
        get;
        set
        {
            field = value;
            IlRecorder.At(Il, value);
        }
    }

    /// <summary>Instructions from the current one (inclusive) to the end of its block.</summary>
    public int Remaining { get; set; }

    public LocalBuilder Register(int number) =>
        _registers[number] ?? throw new InvalidOperationException($"Register {number} was not found by the usage analysis at 0x{CurrentEip:x}.");

    public bool Has(int number) => _registers[number] != null;

    /// <summary>A local of 32 bits that neither the flags nor the last few calls of this method use.</summary>
    public LocalBuilder Temporary()
    {
        for (int tries = 0; tries < Temporaries; tries++)
        {
            ref LocalBuilder? local = ref _temporaries[_nextTemporary];
            _nextTemporary = (_nextTemporary + 1) % Temporaries;
            local ??= Il.DeclareLocal(typeof(uint));
            if (!Flags.Uses(local) && Flags.Result?.Uses(local) != true && Flags.CarryWord?.Uses(local) != true)
            {
                return local;
            }
        }

        return Il.DeclareLocal(typeof(uint));
    }

    /// <summary>At the start of a block nothing is known of low bytes, and of memory what <see cref="CheckedSpans"/> has from the block before.</summary>
    public void BeginBlock(int number, Instruction[] code)
    {
        Array.Clear(_lowByteKnown);
        Spans.BeginBlock(number, code);
        Simd.Forget();
        ExpectsAlignment = Optimisations.AlignedAccesses && (Plan.FollowsPaths || Optimisations.AlignsAllAccesses) && !Plan.Blocks[number].IsUnaligned;
    }

    /// <summary>The local with AL, CL, DL or BL, zero-extended, if there is a valid one.</summary>
    public LocalBuilder? LowByte(int number) => number < 4 && _lowByteKnown[number] ? _lowBytes[number] : null;

    /// <summary>The local to put AL, CL, DL or BL into; from now on it is valid. <see cref="Overwrite"/> it first.</summary>
    public LocalBuilder SetLowByte(int number)
    {
        _lowByteKnown[number] = true;
        return LowByteLocal(number);
    }

    /// <summary>The local for a low byte, valid or not.</summary>
    public LocalBuilder LowByteLocal(int number) => _lowBytes[number] ??= Il.DeclareLocal(typeof(uint));

    /// <summary>Register <paramref name="number"/> is about to change as a whole, or in a part that is not its low byte.</summary>
    public void OverwriteRegister(int number, bool lowByteStays)
    {
        Overwrite(Register(number));
        Spans.Changed(number);
        if (!lowByteStays && number < 4)
        {
            _lowByteKnown[number] = false;
        }
    }

    /// <summary>A local is about to change: if the flags depend on it, they depend on a copy from now on.</summary>
    public void Overwrite(LocalBuilder local)
    {
        if (!KeepFlags)
        {
            return;
        }

        if (Flags.Result?.Uses(local) == true)
        {
            Flags = Flags with { Result = null };
        }

        if (!Flags.Uses(local))
        {
            if (Flags.CarryWord?.Uses(local) == true)
            {
                Flags = Flags with { CarryWord = null };
            }

            return;
        }

        if (!_snapshots.TryGetValue(local, out LocalBuilder? copy))
        {
            _snapshots.Add(local, copy = Il.DeclareLocal(typeof(uint)));
        }

        if (Flags.Uses(copy))
        {
            // An older copy is still needed.
            Flags = SaveFlags(Flags);
            return;
        }

        Il.Emit(OpCodes.Ldloc, local);
        Il.Emit(OpCodes.Stloc, copy);
        Flags = Flags.Replace(local, copy);
    }

    /// <summary>
    /// The region has been entered at this block. Its budget has never been what it is now, so as long as it is, the flags are those that stand
    /// in the CPU struct: a loop need not say in each round that it is not the first.
    /// </summary>
    public void MarkEntry() => Store(MethodNames.EntryMark, Budget);

    /// <summary>Is it one of the locals that hold Guest registers?</summary>
    public bool IsRegister(LocalBuilder local) => Array.IndexOf(_registers, local) >= 0;

    /// <summary>What holds in <paramref name="other"/>, an earlier emission of the same region, in terms of this one's registers.</summary>
    public FlagExpression Adopt(FlagExpression expression, RegionContext other)
    {
        for (int i = 0; i < 8; i++)
        {
            if (_registers[i] is { } mine)
            {
                expression = expression.Replace(other._registers[i]!, mine);
            }
        }

        return expression;
    }

    public void LoadRegisterFromMemory(int number) => Load(number * 4, OpCodes.Ldind_U4, Register(number));

    /// <summary>Loads <see cref="Budget"/>: at the entry, and behind whatever may have charged the count in memory.</summary>
    public void LoadBudget()
    {
        Load(MethodNames.BudgetLeft, OpCodes.Ldind_I4, Budget);
        if (MarksEntries)
        {
            // It may come by the marked value once more.
            Store(MethodNames.EntryMark, int.MinValue);
        }

        Charge(Reserve);
        Pending = 0;
    }

    /// <summary>Pushes whether somebody wants the Guest to be left.</summary>
    public void PushAttention()
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(MethodNames.Attention);
        Il.Emit(OpCodes.Volatile);
        Il.Emit(OpCodes.Ldind_I4);
    }

    /// <summary>The count in memory becomes what is left: never less than nothing, as whoever was let through by a safepoint had enough.</summary>
    public void StoreBudget()
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(MethodNames.BudgetLeft);
        Il.Emit(OpCodes.Ldloc, Budget);
        Il.Emit(OpCodes.Ldc_I4, Reserve - Pending);
        Il.Emit(OpCodes.Add);
        Il.Emit(OpCodes.Conv_U8);
        Il.Emit(OpCodes.Stind_I8);
    }

    /// <summary>What is pending is taken from the budget.</summary>
    public void ChargePending()
    {
        if (Pending != 0)
        {
            Charge(Pending);
            Pending = 0;
        }
    }

    /// <summary>So many instructions are going to run.</summary>
    public void Charge(int instructions)
    {
        Il.Emit(OpCodes.Ldloc, Budget);
        Il.Emit(OpCodes.Ldc_I4, instructions);
        Il.Emit(OpCodes.Sub);
        Il.Emit(OpCodes.Stloc, Budget);
    }

    /// <summary>Local = a field of the CPU struct.</summary>
    public void Load(int offset, OpCode load, LocalBuilder local)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(offset);
        Il.Emit(load);
        Il.Emit(OpCodes.Stloc, local);
    }

    /// <summary>A 32-bit field of the CPU struct = local.</summary>
    public void Store(int offset, LocalBuilder local)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(offset);
        Il.Emit(OpCodes.Ldloc, local);
        Il.Emit(OpCodes.Stind_I4);
    }

    /// <summary>A 32-bit field of the CPU struct = value.</summary>
    public void StoreValue(int offset, FlagExpression value)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(offset);
        value.Emit(this);
        Il.Emit(OpCodes.Stind_I4);
    }

    /// <summary>A 32-bit field of the CPU struct = constant.</summary>
    public void Store(int offset, int value)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(offset);
        Il.Emit(OpCodes.Ldc_I4, value);
        Il.Emit(OpCodes.Stind_I4);
    }

    /// <summary>Adds a constant to the pointer on the stack.</summary>
    public void Offset(int offset)
    {
        if (offset != 0)
        {
            Il.Emit(OpCodes.Ldc_I4, offset);
            Il.Emit(OpCodes.Add);
        }
    }

    /// <summary>The <see cref="AlignmentRecord"/>, for an access that is taken to be aligned.</summary>
    public unsafe nint TakeAlignmentRecord()
    {
        if (AlignmentRecord == 0)
        {
            AlignmentRecord = (nint)HostAllocations.Take(sizeof(ulong), sizeof(ulong));
            _allocations.Add(AlignmentRecord);
        }

        return AlignmentRecord;
    }

    public static int RegisterNumber(Register register) => register.GetFullRegister32() - Iced.Intel.Register.EAX;
}
