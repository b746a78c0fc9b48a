using System.Reflection;
using System.Reflection.Emit;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// A value that flags are made of, as a small tree over IL locals. While a region is emitted nothing is computed: the tree
/// is turned into IL at the few places where somebody looks at flags, most of which are cold exits.
/// </summary>
internal abstract record FlagExpression
{
    /// <summary>Levels of the tree: a chain of partial flag writers must not grow without end.</summary>
    public abstract int Depth { get; }

    /// <summary>Does the value depend on the flags as they stand in the CPU struct?</summary>
    public virtual bool UsesFields => false;

    /// <summary>Emits IL that pushes the value.</summary>
    public abstract void Emit(RegionContext c);

    /// <summary>Does the value depend on this local?</summary>
    public abstract bool Uses(LocalBuilder local);

    /// <summary>Are all locals that the value depends on of this kind?</summary>
    public virtual bool UsesOnly(Func<LocalBuilder, bool> kind) => true;

    /// <summary>The same value with one local read instead of another.</summary>
    public abstract FlagExpression Replace(LocalBuilder from, LocalBuilder to);

    public static FlagExpression Of(LocalBuilder local) => new LocalExpression(local);

    /// <summary>A 32-bit field of the CPU struct.</summary>
    public static FlagExpression Field(int offset) => new FieldExpression(offset);

    public static FlagExpression Of(uint value) => new ConstantExpression((int)value);

    public static FlagExpression Binary(OpCode operation, FlagExpression left, FlagExpression right) => new BinaryExpression(operation, left, right);

    public static FlagExpression Binary(OpCode operation, FlagExpression left, uint right) => new BinaryExpression(operation, left, Of(right));

    public static FlagExpression Unary(OpCode operation, FlagExpression operand) => new UnaryExpression(operation, operand);

    /// <summary>A call of a static method with these arguments.</summary>
    public static FlagExpression Call(MethodInfo method, params FlagExpression[] arguments) => new CallExpression(method, cpu: false, arguments);

    /// <summary>The same with the CPU as the first argument.</summary>
    public static FlagExpression CallWithCpu(MethodInfo method, params FlagExpression[] arguments) => new CallExpression(method, cpu: true, arguments);

    /// <summary>Sign-extended from <paramref name="size"/> bytes.</summary>
    public FlagExpression SignExtended(int size) => size switch
    {
        1 => Unary(OpCodes.Conv_I1, this),
        2 => Unary(OpCodes.Conv_I2, this),
        _ => this,
    };

    /// <summary>The low <paramref name="size"/> bytes, zero-extended.</summary>
    public FlagExpression ZeroExtended(int size) => size switch
    {
        1 => Unary(OpCodes.Conv_U1, this),
        2 => Unary(OpCodes.Conv_U2, this),
        _ => this,
    };

    private sealed record LocalExpression(LocalBuilder Local) : FlagExpression
    {
        public override int Depth => 1;

        public override void Emit(RegionContext c) => c.Il.Emit(OpCodes.Ldloc, Local);

        public override bool Uses(LocalBuilder local) => local == Local;

        public override bool UsesOnly(Func<LocalBuilder, bool> kind) => kind(Local);

        public override FlagExpression Replace(LocalBuilder from, LocalBuilder to) => from == Local ? new LocalExpression(to) : this;
    }

    private sealed record FieldExpression(int Offset) : FlagExpression
    {
        public override int Depth => 1;

        public override bool UsesFields => true;

        public override void Emit(RegionContext c)
        {
            c.Il.Emit(OpCodes.Ldarg_0);
            c.Offset(Offset);
            c.Il.Emit(OpCodes.Ldind_U4);
        }

        public override bool Uses(LocalBuilder local) => false;

        public override FlagExpression Replace(LocalBuilder from, LocalBuilder to) => this;
    }

    private sealed record ConstantExpression(int Value) : FlagExpression
    {
        public override int Depth => 1;

        public override void Emit(RegionContext c) => c.Il.Emit(OpCodes.Ldc_I4, Value);

        public override bool Uses(LocalBuilder local) => false;

        public override FlagExpression Replace(LocalBuilder from, LocalBuilder to) => this;
    }

    private sealed record BinaryExpression(OpCode Operation, FlagExpression Left, FlagExpression Right) : FlagExpression
    {
        public override int Depth { get; } = 1 + Math.Max(Left.Depth, Right.Depth);

        public override bool UsesFields => Left.UsesFields || Right.UsesFields;

        public override void Emit(RegionContext c)
        {
            Left.Emit(c);
            Right.Emit(c);
            c.Il.Emit(Operation);
        }

        public override bool Uses(LocalBuilder local) => Left.Uses(local) || Right.Uses(local);

        public override bool UsesOnly(Func<LocalBuilder, bool> kind) => Left.UsesOnly(kind) && Right.UsesOnly(kind);

        public override FlagExpression Replace(LocalBuilder from, LocalBuilder to) =>
            Uses(from) ? new BinaryExpression(Operation, Left.Replace(from, to), Right.Replace(from, to)) : this;
    }

    private sealed record UnaryExpression(OpCode Operation, FlagExpression Operand) : FlagExpression
    {
        public override int Depth { get; } = 1 + Operand.Depth;

        public override bool UsesFields => Operand.UsesFields;

        public override void Emit(RegionContext c)
        {
            Operand.Emit(c);
            c.Il.Emit(Operation);
        }

        public override bool Uses(LocalBuilder local) => Operand.Uses(local);

        public override bool UsesOnly(Func<LocalBuilder, bool> kind) => Operand.UsesOnly(kind);

        public override FlagExpression Replace(LocalBuilder from, LocalBuilder to) =>
            Uses(from) ? new UnaryExpression(Operation, Operand.Replace(from, to)) : this;
    }

    private sealed record CallExpression : FlagExpression
    {
        private readonly MethodInfo _method;
        private readonly bool _cpu;
        private readonly FlagExpression[] _arguments;

        public CallExpression(MethodInfo method, bool cpu, FlagExpression[] arguments)
        {
            _method = method;
            _cpu = cpu;
            _arguments = arguments;
            Depth = 1 + arguments.Max(static a => a.Depth);
        }

        public override int Depth { get; }

        public override bool UsesFields => Array.Exists(_arguments, static a => a.UsesFields);

        public override void Emit(RegionContext c)
        {
            if (_cpu)
            {
                c.Il.Emit(OpCodes.Ldarg_0);
            }

            foreach (FlagExpression argument in _arguments)
            {
                argument.Emit(c);
            }

            c.Il.Emit(OpCodes.Call, _method);
        }

        public override bool Uses(LocalBuilder local) => Array.Exists(_arguments, a => a.Uses(local));

        public override bool UsesOnly(Func<LocalBuilder, bool> kind) => Array.TrueForAll(_arguments, a => a.UsesOnly(kind));

        public override FlagExpression Replace(LocalBuilder from, LocalBuilder to) =>
            Uses(from) ? new CallExpression(_method, _cpu, Array.ConvertAll(_arguments, a => a.Replace(from, to))) : this;
    }
}
