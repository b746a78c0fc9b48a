using System.Collections.Concurrent;
using System.Reflection;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// Gives the function pointer of a generic handler for given type arguments. Binding is by name and types instead of
/// a switch over every combination: a boot uses a few hundred of the thousands that exist, and each is compiled
/// once, fully optimised, when first bound.
/// </summary>
internal static unsafe class HandlerBinder
{
    private static readonly ConcurrentDictionary<Key, nint> s_bound = new();

    /// <summary>Function pointer of <c>owner.method&lt;a, b, c, d&gt;</c>, which must have a handler's signature.</summary>
    public static delegate*<GuestCpu*, Op*, Op*> Bind(Type owner, string method, Type? a = null, Type? b = null, Type? c = null, Type? d = null) =>
        (delegate*<GuestCpu*, Op*, Op*>)s_bound.GetOrAdd(new Key(owner, method, a, b, c, d), static key => Resolve(key));

    /// <summary>Handler of an <see cref="IInstruction"/> that goes on to the next instruction.</summary>
    public static delegate*<GuestCpu*, Op*, Op*> Plain(Type instruction) => Bind(typeof(InstructionHandlers), nameof(InstructionHandlers.Plain), instruction);

    /// <summary>Handler of an <see cref="IInstruction"/> that goes on if the mode is still what it was.</summary>
    public static delegate*<GuestCpu*, Op*, Op*> ModeSensitive(Type instruction) =>
        Bind(typeof(InstructionHandlers), nameof(InstructionHandlers.ModeSensitive), instruction);

    /// <summary>Handler of an <see cref="IInstruction"/> that ends its block.</summary>
    public static delegate*<GuestCpu*, Op*, Op*> Branch(Type instruction) => Bind(typeof(InstructionHandlers), nameof(InstructionHandlers.Branch), instruction);

    private static nint Resolve(Key key)
    {
        MethodInfo method = key.Owner.GetMethod(key.Method, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            ?? throw new MissingMethodException(key.Owner.Name, key.Method);
        Type[] types = new[] { key.A, key.B, key.C, key.D }.OfType<Type>().ToArray();
        if (types.Length != 0)
        {
            method = method.MakeGenericMethod(types);
        }

        System.Runtime.CompilerServices.RuntimeHelpers.PrepareMethod(method.MethodHandle, [.. types.Select(static t => t.TypeHandle)]);
        return method.MethodHandle.GetFunctionPointer();
    }

    /// <summary>Each op that is lowered comes with one, so it compares what can only be the same object, and hashes as little as will do.</summary>
    private readonly record struct Key(Type Owner, string Method, Type? A, Type? B, Type? C, Type? D)
    {
        public bool Equals(Key other) =>
            ReferenceEquals(Method, other.Method) && ReferenceEquals(A, other.A) && ReferenceEquals(B, other.B) && ReferenceEquals(C, other.C)
            && ReferenceEquals(D, other.D) && ReferenceEquals(Owner, other.Owner);

        public override int GetHashCode() => HashCode.Combine(IdentityOf(Method), IdentityOf(A), IdentityOf(B), IdentityOf(C));

        private static int IdentityOf(object? name) => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(name);
    }
}
