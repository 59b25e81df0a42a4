CREATE FUNCTION q() RETURNS text LANGUAGE sql AS $a$ SELECT $function$x; y$function$::text || $$'$$ || E'\\' -- semicolon ;
$a$;
CREATE FUNCTION "Q"(";" text DEFAULT ';--') RETURNS text LANGUAGE plpgsql AS 'BEGIN
	RETURN ''a;''; /* ; $$ */
END';
